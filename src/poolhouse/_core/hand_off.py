"""The message that clears a session for its next service.

It is PostgreSQL's DISCARD ALL, less what would empty the driver's cache of statements, and with the service's role and
name:
https://www.postgresql.org/docs/current/sql-discard.html
"""

from __future__ import annotations

from poolhouse._core.identifiers import quote_identifier
from poolhouse._core.literal import literal

# First what decides the meaning of the rest: who speaks, and where names are looked for. What random() gives next is
# nothing that DISCARD ALL knows of; whoever called setseed() would know what the next service gets. SET does it in a
# third of the time of SELECT setseed().
_CLEAR = (
    "RESET SESSION AUTHORIZATION; RESET ALL; CLOSE ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES; "
    "SELECT pg_catalog.pg_advisory_unlock_all(); SET seed = {seed!r}; "
)
# Last, so that the number of rows is in the message's status: statements of SQL's PREPARE, not of the driver's.
_COUNT = "; SELECT FROM pg_catalog.pg_prepared_statements WHERE from_sql"

NOTHING_PREPARED = "SELECT 0"

# A name may be anybody's, so it is quoted by the server.
FORGET_PREPARED = """DO $$
DECLARE prepared pg_catalog.text;
BEGIN
    FOR prepared IN SELECT name FROM pg_catalog.pg_prepared_statements WHERE from_sql LOOP
        EXECUTE pg_catalog.format('DEALLOCATE %I', prepared);
    END LOOP;
END $$"""


def introduce(role: str | None, name: str | None) -> str:
    """Return the message after which a fresh session speaks for `role`, or for the login role, and is called `name`.

    Without a name it keeps that which it was connected with.
    """
    return f"{_named(name)}{_set_role(role)}"


def _named(name: str | None) -> str:
    return f"SET application_name = {literal(name)}; " if name is not None else ""


def _set_role(role: str | None) -> str:
    return f"SET ROLE {quote_identifier(role)}" if role is not None else "SET ROLE NONE"


def clear_session(role: str | None, name: str | None, *, in_transaction: bool, seed: float) -> str:
    """Return the message after which nothing of a session is left but the driver's statements, and `role` speaks.

    The session is called `name` then, or as it was connected where that is None. `seed` is what random() starts from,
    between -1 and 1; let it be unforeseeable. The message's status is NOTHING_PREPARED where FORGET_PREPARED is not
    needed besides.
    """
    # Outside of a transaction the server would warn, in its log.
    rollback = "ROLLBACK; " if in_transaction else ""
    return f"{rollback}{_CLEAR.format(seed=seed)}{_named(name)}{_set_role(role)}{_COUNT}"
