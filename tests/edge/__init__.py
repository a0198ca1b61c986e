"""Tests of connections, and of what arrives on them, against real server processes."""
