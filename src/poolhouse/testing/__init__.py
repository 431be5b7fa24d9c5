"""Fixtures for applications on poolhouse; loaded by pytest through the entry point `poolhouse`."""
