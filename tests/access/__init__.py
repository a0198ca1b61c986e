"""Tests of keys, roles, and of who recorded what."""
