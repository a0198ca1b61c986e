"""Watches over HTTP: questions that are kept, and what receivers get when their answers change."""
