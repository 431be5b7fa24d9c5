"""Errors of migrations: in their files, against the ledger, while they run."""

from __future__ import annotations

from poolhouse.errors._base import PoolhouseError


class MigrationError(PoolhouseError):
    """Migrations were not, or not all, applied; what had been applied before stays applied and recorded."""
