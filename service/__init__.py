"""Parley: a ledger of trade diplomacy, answering what stood on date D, as known on date K, and who says so."""
