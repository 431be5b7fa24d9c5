"""Roles of services: what each is to be given, what is missing of that, and the SQL that makes up for it."""

from __future__ import annotations

from collections import defaultdict
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.identifiers import MAX_IDENTIFIER_BYTES, check_identifier, quote_identifier
from poolhouse.errors import IdentifierError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Claim(NamedTuple):
    """What the role of one service is for: its schemas, and tables of others that it reads, as (schema, table)."""

    service: str
    role: str
    schemas: tuple[str, ...]
    reads: tuple[tuple[str, str], ...] = ()


class GapKind(Enum):
    """In what the database differs from a claim; the value is what the server's rows call it."""

    ROLE = "role"
    MEMBER = "member"
    SUPERUSER = "superuser"
    LOGIN = "login"
    USAGE = "usage"
    TABLE = "table"
    SEQUENCE = "sequence"
    ROUTINE = "routine"
    READ = "read"
    NEW_TABLES = "new r"
    NEW_SEQUENCES = "new S"
    NEW_ROUTINES = "new f"
    LEFT_TABLE = "left r"
    LEFT_WRITE = "left w"
    LEFT_SEQUENCE = "left S"
    LEFT_USAGE = "left n"
    NO_SCHEMA = "no schema"
    NO_TABLE = "no table"

    @property
    def can_wait(self) -> bool:
        """Whether it is about something that does not exist, to which no right can be given."""
        return self in {GapKind.NO_SCHEMA, GapKind.NO_TABLE}

    @property
    def is_somebody_s(self) -> bool:
        """Whether the role is that of something else, so that nobody should make a service's of it."""
        return self in {GapKind.SUPERUSER, GapKind.LOGIN}


class Gap(NamedTuple):
    """One difference. `name` is what it is about, ready for SQL; `by` is the login role, or who creates tables."""

    kind: GapKind
    service: str
    role: str
    name: str = ""
    by: str = ""


# TRUNCATE, REFERENCES and TRIGGER are left out, as is CREATE: who may change what a table is changes it by migrations.
TABLE_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
SEQUENCE_RIGHTS = ("USAGE", "SELECT", "UPDATE")

_ON_TABLES = f"{', '.join(TABLE_RIGHTS)} ON"
_ON_SEQUENCES = f"{', '.join(SEQUENCE_RIGHTS)} ON"

# In the order in which they can be run.
_STATEMENTS = {
    GapKind.ROLE: "CREATE ROLE {role} NOLOGIN;",
    GapKind.MEMBER: "GRANT {role} TO {by};",
    GapKind.USAGE: "GRANT USAGE ON SCHEMA {names} TO {role};",
    GapKind.TABLE: f"GRANT {_ON_TABLES} TABLE {{names}} TO {{role}};",
    GapKind.SEQUENCE: f"GRANT {_ON_SEQUENCES} SEQUENCE {{names}} TO {{role}};",
    GapKind.ROUTINE: "GRANT EXECUTE ON ROUTINE {names} TO {role};",
    GapKind.READ: "GRANT SELECT ON TABLE {names} TO {role};",
    GapKind.NEW_TABLES: f"{{defaults}} GRANT {_ON_TABLES} TABLES TO {{role}};",
    GapKind.NEW_SEQUENCES: f"{{defaults}} GRANT {_ON_SEQUENCES} SEQUENCES TO {{role}};",
    GapKind.NEW_ROUTINES: "{defaults} GRANT EXECUTE ON ROUTINES TO {role};",
    GapKind.LEFT_TABLE: "REVOKE ALL ON TABLE {names} FROM {role};",
    GapKind.LEFT_WRITE: ("REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON TABLE {names} FROM {role};"),
    GapKind.LEFT_SEQUENCE: "REVOKE ALL ON SEQUENCE {names} FROM {role};",
    GapKind.LEFT_USAGE: "REVOKE ALL ON SCHEMA {names} FROM {role};",
}
_DEFAULTS = "ALTER DEFAULT PRIVILEGES FOR ROLE {by} IN SCHEMA {names}"

_FACTS = {
    GapKind.ROLE: "does not exist",
    GapKind.SUPERUSER: "is a superuser's, to whom nothing is denied",
    GapKind.LOGIN: "is the role {by} that the application logs in as, or has all its rights",
    GapKind.MEMBER: "cannot be taken on by {by}",
    GapKind.USAGE: "may not look into {what}",
    GapKind.TABLE: "may not work with the rows of {what}",
    GapKind.SEQUENCE: "may not use {what}",
    GapKind.ROUTINE: "may not call {what}",
    GapKind.READ: "may not read {what}, as is declared",
    GapKind.NEW_TABLES: "will have no rights to the tables that {by} creates in {what}",
    GapKind.NEW_SEQUENCES: "will have no rights to the sequences that {by} creates in {what}",
    GapKind.NEW_ROUTINES: "will have no rights to the routines that {by} creates in {what}",
    GapKind.LEFT_TABLE: "still has rights to {what}, which is not declared any more",
    GapKind.LEFT_WRITE: "may change {what}, of which reads alone are declared",
    GapKind.LEFT_SEQUENCE: "still has rights to {what}, which belongs to another service",
    GapKind.LEFT_USAGE: "may still look into {what}, of which no read is declared any more",
    GapKind.NO_SCHEMA: "has no rights to {what}, which does not exist",
    GapKind.NO_TABLE: "has no right to read {what}, which is declared and does not exist",
}

_KINDS = tuple(GapKind)
_LONGEST = 200  # names in one statement: the server takes many more, a person who reads it does not
_SHOWN = 3


def role_of(service: str, prefix: str) -> str:
    """Return the name of a service's role; raises IdentifierError where PostgreSQL would cut it, and mix up two."""
    role = f"{prefix}{service}"
    size = len(role.encode())
    if size > MAX_IDENTIFIER_BYTES:
        fact = f"as the role of a service it takes {size} bytes of UTF-8, and PostgreSQL keeps {MAX_IDENTIFIER_BYTES}"
        raise IdentifierError(role, fact, remedy="Shorten role_prefix, or the service's name")
    return check_identifier(role)


def merge(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Return one claim for each service, of everything that is claimed for it, in the order of the roles' names.

    All who create roles do it in this order: two that wait for each other's would never end.
    """
    by_role: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_role[claim.role].append(claim)
    return tuple(_merged(by_role[role]) for role in sorted(by_role))


def _merged(claims: Sequence[Claim]) -> Claim:
    schemas = dict.fromkeys(schema for claim in claims for schema in claim.schemas)
    reads = dict.fromkeys(read for claim in claims for read in claim.reads if read[0] not in schemas)
    return Claim(claims[0].service, claims[0].role, tuple(schemas), tuple(reads))


def to_mend(gaps: Iterable[Gap]) -> list[Gap]:
    """Return the gaps that keep a service from working, or that let it do too much."""
    return [gap for gap in gaps if not gap.kind.can_wait]


def batches(gaps: Iterable[Gap], size: int) -> list[Sequence[Gap]]:
    """Return `gaps` in the order in which they can be mended, at most `size` at a time."""
    ordered = sorted(gaps, key=lambda gap: (gap.role, _KINDS.index(gap.kind), gap.by))
    return [ordered[begin : begin + size] for begin in range(0, len(ordered), size)]


def statements(gaps: Iterable[Gap]) -> dict[str, tuple[str, ...]]:
    """Return the SQL that makes up for `gaps`, by service; to be run in the order that it has.

    There is none for a role that is something else's: nobody should give it away, or give it rights.
    """
    gaps = tuple(gaps)
    taken = {gap.role for gap in gaps if gap.kind.is_somebody_s}
    gathered: dict[str, list[str]] = defaultdict(list)
    for group, names in _groups(gap for gap in gaps if gap.role not in taken):
        form = _STATEMENTS.get(group.kind, "")
        for begin in range(0, len(names) if form else 0, _LONGEST):
            listed = ", ".join(names[begin : begin + _LONGEST])
            by = quote_identifier(group.by) if group.by else ""
            defaults = _DEFAULTS.format(by=by, names=listed)
            sql = form.format(role=quote_identifier(group.role), names=listed, by=by, defaults=defaults)
            gathered[group.service].append(sql)
    return {service: tuple(sql) for service, sql in gathered.items()}


def describe(gaps: Iterable[Gap]) -> tuple[str, ...]:
    """Return what `gaps` are, a sentence for each kind of each role."""
    return tuple(
        f"role {group.role!r} {_FACTS[group.kind].format(what=_some(names), by=repr(group.by))}"
        for group, names in _groups(gaps)
    )


def _groups(gaps: Iterable[Gap]) -> Iterator[tuple[Gap, list[str]]]:
    """Yield gaps that differ in what they are about only, with all of that, by role and in the order of kinds."""
    alike: dict[Gap, list[str]] = defaultdict(list)
    for gap in gaps:
        alike[gap._replace(name="")].append(gap.name)
    yield from sorted(alike.items(), key=lambda item: (item[0].role, _KINDS.index(item[0].kind), item[0].by))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
