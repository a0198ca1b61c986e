"""The write path: look up, load, decide, project, commit, answer."""
