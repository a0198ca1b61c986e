"""The service through HTTP."""
