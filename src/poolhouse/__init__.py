"""Modular monoliths on PostgreSQL: one container, one shared pool, a schema and migrations for each service."""
