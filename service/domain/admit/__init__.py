"""The way in: what is refused, with a path to every fault, and the events as they will be recorded."""
