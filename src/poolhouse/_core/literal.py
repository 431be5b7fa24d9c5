"""Values as literals in SQL text, for the few places where PostgreSQL takes no parameters."""

from __future__ import annotations


def literal(value: str | bytes) -> str:
    """Return `value` as a literal that means the same whatever `standard_conforming_strings` is."""
    if isinstance(value, bytes):
        return f"pg_catalog.decode('{value.hex()}', 'hex')"
    quoted = value.replace("'", "''")
    if "\\" not in quoted:
        return f"'{quoted}'"
    return " E'" + quoted.replace("\\", "\\\\") + "'"


def dollar_quoted(body: str) -> str:
    """Return `body` in dollar quotes whose tag does not occur in it."""
    tag = "poolhouse"
    while f"${tag}$" in body or body.endswith(f"${tag}"):
        tag += "_"
    return f"${tag}${body}${tag}$"
