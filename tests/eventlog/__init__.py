"""The log and the append path, on both databases."""
