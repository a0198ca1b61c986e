"""The projections: written in the commit of the events they come from, read as of any (D, K)."""
