"""The rule: from the facts known of an item to its status, its life and its state (docs/semantics.md, 2 to 6 and 8)."""
