"""The views of the page: each asks the API, and returns what its template shows."""
