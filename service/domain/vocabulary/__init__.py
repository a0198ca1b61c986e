"""The words: codes, dates, kinds of items and their changes, terms, types of events (docs/semantics.md, 1 and 7)."""
