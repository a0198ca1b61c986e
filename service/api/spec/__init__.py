"""The document: how operations, shapes and messages are described, and the pages that show them."""
