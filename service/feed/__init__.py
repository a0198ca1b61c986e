"""The log as other services see it: in pages, live, and what one recorded event has become."""
