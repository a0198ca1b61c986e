"""Parley: a ledger of trade diplomacy, answering what stood on date D, as known on date K, and who says so."""

VERSION = "0.1.0"
"""The version of the distribution, which pyproject.toml reads here."""
