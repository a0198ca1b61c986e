"""The way in and out that every operation shares: requests, queries, D and K, cursors, kept answers, problems."""
