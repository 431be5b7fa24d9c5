"""Writing a project of one's own, and services into it."""
