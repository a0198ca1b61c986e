"""Side by side with peers, on demand."""
