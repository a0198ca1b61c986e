"""The projections remade from the log alone."""
