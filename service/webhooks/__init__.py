"""The log pushed to subscribers: signed, in order, at least once."""
