"""The projections: written in the commit of the events that they come from, read as of any (D, K)."""
