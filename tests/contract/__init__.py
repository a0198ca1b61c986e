"""What others hold the service to: its document, its clients, its schema."""
