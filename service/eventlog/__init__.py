"""The log: events by position and by id, and its head. It is only ever added to, by `append`."""
