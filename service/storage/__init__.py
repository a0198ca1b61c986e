"""Storage: the tables, their migrations, and one contract over SQLite and PostgreSQL."""
