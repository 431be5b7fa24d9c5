"""The commands that errors tell a person to run."""

from __future__ import annotations

from shlex import quote

REPAIRS = ("resume", "mark-applied", "mark-rolled-back", "accept-checksum")


def repair_command(repair: str, *, module: str, version: int, schema: str | None) -> str:
    """Return the command that repairs one migration in a schema, or in all, as a shell takes it.

    `repair` is one of REPAIRS.
    """
    where = "--all-schemas" if schema is None else f"--schema {quote(schema)}"
    return f"poolhouse migrations repair {quote(module)}/{version} {where} --{repair}"


def plan_command(module: str, schema: str) -> str:
    """Return the command that prints what is pending of a module in one schema, as a shell takes it."""
    return f"poolhouse migrations plan {quote(module)} --schema {quote(schema)}"
