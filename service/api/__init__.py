"""The service over HTTP: one module a resource, each with its handlers and their routes."""
