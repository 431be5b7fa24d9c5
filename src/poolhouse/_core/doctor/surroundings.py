"""Whether server, role and what lies between are what a pool expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse._core.doctor.findings import advice, fault, fine, quoted, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poolhouse._core.doctor.facts import PoolFacts, ServerFacts
    from poolhouse._core.doctor.findings import Finding

OLDEST, NEWEST = 14, 18

_CATALOG = "pg_catalog"


def judge_surroundings(pool: PoolFacts, server: ServerFacts) -> Iterator[Finding]:
    """Yield what is to be said of the server, of a pooler before it, of encryption, and of the role."""
    yield _version(server.version)
    yield from _pooler(pool, server)
    yield from _encryption(pool, server)
    if server.is_standby:
        fact, remedy = "it is a standby, on which nothing can be written", "Name the primary, or several hosts and "
        yield fault("the server", fact, f"{remedy}?target_session_attrs=primary")
    yield from _role(pool, server)
    yield from _search_path(server)


def _version(number: int) -> Finding:
    major, minor = divmod(number, 10_000)
    place, name = "the server", f"PostgreSQL {major}.{minor}"
    if major < OLDEST:
        return fault(place, f"{name} is too old", f"Upgrade it; {OLDEST} to {NEWEST} are supported")
    if major > NEWEST:
        return warning(place, f"{name} is newer than what was tested", f"Upgrade poolhouse, or use {NEWEST} or older")
    return fine(place, f"{name} is supported")


def _pooler(pool: PoolFacts, server: ServerFacts) -> Iterator[Finding]:
    if not server.is_pooled:
        if pool.pooler in {"session", "transaction"}:
            fact = f"it is {pool.pooler}, and there is no pooler"
            yield advice("pooler", fact, "Set it to detect, or migrate past a pooler by migration_dsn only")
        return
    if pool.pooler == "none":
        yield fault("pooler", "it is none, and a pooler answers", "Set it to detect, session or transaction")
        return
    if pool.pooler != "session":
        fact = (
            "a pooler answers. If it lends its connections by transaction, what a session keeps does not hold: SET, "
            "LISTEN, session advisory locks, temporary tables"
        )
        remedy = "Keep these within transactions, or set pooler to session where it lends by session"
        yield advice("pooler", fact, remedy)
        if pool.statement_cache_size:
            fact = "statements are prepared anew each time where a pooler that lends by transaction keeps none"
            remedy = "Set max_prepared_statements in PgBouncer (1.21 or newer), which the pool finds out by itself"
            yield advice("statement_cache_size", fact, remedy)
    if not pool.has_migration_dsn:
        fact = "it is not set, and migrations outside of transactions are refused through a pooler"
        yield warning("migration_dsn", fact, "Set it to a DSN that leads to the server itself")


def _encryption(pool: PoolFacts, server: ServerFacts) -> Iterator[Finding]:
    if pool.is_local or server.is_encrypted is None:
        return
    if server.is_encrypted and not pool.is_verified and pool.is_production:
        fact = "the connection is encrypted, and nothing checks that it leads to the server: anybody could answer"
        yield advice("dsn", fact, "Add ?sslmode=verify-full, with sslrootcert where the authority is your own")
        return
    if server.is_encrypted:
        yield fine("dsn", "the connection is encrypted")
        return
    fact = "the connection is not encrypted, and the server is another host: passwords and rows can be read on the way"
    yield warning("dsn", fact, "Add ?sslmode=verify-full, and let the server have a certificate")


def _role(pool: PoolFacts, server: ServerFacts) -> Iterator[Finding]:
    is_able = server.may_create_roles or server.is_superuser or pool.has_migration_dsn
    if pool.service_roles == "managed" and not is_able:
        fact = f"it is managed, and the role {server.role!r} may not create roles"
        yield advice(
            "service_roles", fact, "Grant it CREATEROLE, or let an administrator create them: set it to existing"
        )


def _search_path(server: ServerFacts) -> Iterator[Finding]:
    path = server.search_path
    written = ", ".join(path)
    remedy = f"ALTER ROLE {quoted(server.role)} RESET search_path, or the same of the database, if nothing needs it"
    if _CATALOG in path[1:]:
        fact = f"search_path was set to {written}: functions there can stand in for PostgreSQL's own"
        yield warning("the role or the database", fact, remedy)
    elif path:
        fact = f"search_path was set to {written}: names that no template qualifies are looked for there first"
        yield advice("the role or the database", fact, remedy)
