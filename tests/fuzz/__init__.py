"""Fuzzers of what strangers write: `make fuzz` (libFuzzer by atheris), and a short run in the tests (hypothesis)."""
