"""The log published to NATS JetStream, once and in order."""
