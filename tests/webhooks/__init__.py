"""Webhooks: what receivers get from the real service."""
