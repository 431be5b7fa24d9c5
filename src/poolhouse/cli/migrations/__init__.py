"""`poolhouse migrations …`: a module for each verb."""

from poolhouse.cli.migrations import baseline, check, history, new, plan, repair, squash, status, unlock, up, verify
from poolhouse.cli.migrations.group import migrations

__all__ = [
    "baseline",
    "check",
    "history",
    "migrations",
    "new",
    "plan",
    "repair",
    "squash",
    "status",
    "unlock",
    "up",
    "verify",
]
