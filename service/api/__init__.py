"""HTTP at the edge: the wire, a module per resource, problems."""
