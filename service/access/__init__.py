"""Who may do what: keys, the roles that they have, and their memory in each process."""
