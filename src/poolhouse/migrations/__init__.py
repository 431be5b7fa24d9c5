"""Migrations: SQL files per service, applied once, and recorded in one ledger for all of them."""

from poolhouse.migrations.migration_set import MigrationSet
from poolhouse.migrations.report import MigrationProgress, MigrationReport, MigrationResult
from poolhouse.migrations.runner import migrate

__all__ = ["MigrationProgress", "MigrationReport", "MigrationResult", "MigrationSet", "migrate"]
