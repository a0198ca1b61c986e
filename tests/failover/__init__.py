"""Failures of a whole cluster under load, and what comes of each; see `__main__`."""
