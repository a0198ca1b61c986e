"""Consumers in other languages."""
