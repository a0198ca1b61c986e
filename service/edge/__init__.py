"""The edge: connections and what arrives on them, bounded in bytes, time and number before the application sees it."""
