"""The domain: pure and instant."""
