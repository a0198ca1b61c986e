"""The rules, pure: no I/O, no clock, no framework (docs/semantics.md)."""
