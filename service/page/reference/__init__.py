"""The API's own page at `/schema`: guides, the vocabulary, every operation, all read from the OpenAPI document."""
