"""Tests whose database is rolled back: one connection, one transaction, and savepoints in the place of transactions."""
