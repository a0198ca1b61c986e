"""The page, by plain HTTP and in a browser."""
