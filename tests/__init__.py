"""Tests: through public interfaces, on SQLite and PostgreSQL."""
