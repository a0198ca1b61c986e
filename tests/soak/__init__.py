"""The soak: everything at once on PostgreSQL with three processes, for as long as asked; see `__main__`."""
