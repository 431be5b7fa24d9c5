"""The pure part of poolhouse: names, SQL text and plans as plain values; nothing here does I/O or awaits."""
