"""The projections: written with the log, read as of (D, K)."""
