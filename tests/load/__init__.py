"""Load: clients that write, ask and follow through faults, and the books of what must come of it."""
