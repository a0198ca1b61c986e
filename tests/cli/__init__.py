"""The commands that ask and record, through click's runner: against a ledger, and against a service."""
