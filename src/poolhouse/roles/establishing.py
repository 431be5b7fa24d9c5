"""Seeing to it that each service's role exists and has the rights that the service declares."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from poolhouse._core.roles import batches, describe, statements, to_mend
from poolhouse.errors import ServiceRolesBusyError, ServiceRolesError
from poolhouse.migrations.access import SERVICE, Access
from poolhouse.migrations.attempt import UNLIMITED
from poolhouse.migrations.bringing_up import pauses, translated
from poolhouse.migrations.bundle import BUSY, lock_key
from poolhouse.pool.faults import translate
from poolhouse.roles.claims import by_pool, claims_on
from poolhouse.roles.reading import asking_for, read_gaps
from poolhouse.roles.report import RoleReport
from poolhouse.settings import MigrationMode, ServiceRoles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from poolhouse._core.roles import Claim, Gap
    from poolhouse.migrations import MigrationReport, MigrationSet
    from poolhouse.migrations.access import Session
    from poolhouse.pool import SharedPool
    from poolhouse.schema import SchemaManager

_log = logging.getLogger("poolhouse.roles")

_LOCK = lock_key(SERVICE, "roles")
# Rights on so many things are given in one transaction: since PostgreSQL 18 it keeps a lock on each table till its end.
_LARGEST = 1_000
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = 3000; SET LOCAL statement_timeout = 0"

# No right, a server or a role that only reads, and a role that has been made a member the other way round.
_DENIED = frozenset({"42501", "25006", "0LP01"})

# Roles are those of the whole cluster, and the lock is this database's: others may create the same ones at this very
# moment, and drop what was there when it was looked for.
_PASSING = frozenset({BUSY, "23505", "42710", "42704", "3F000", "42P01", "42883", "40001", "40P01", "55P03"})
_CONCURRENTLY = "tuple concurrently "


class Refusal(NamedTuple):
    """Why a try came to nothing: the server's code and words."""

    sqlstate: str
    said: str

    @property
    def is_passing(self) -> bool:
        """Whether a further try may succeed."""
        return self.sqlstate in _PASSING or self.said.startswith(_CONCURRENTLY)


async def establish_roles(
    parts: Iterable[SchemaManager | MigrationSet],
    *,
    mode: ServiceRoles | str | None = None,
    revoke: bool = False,
    migrated: Sequence[MigrationReport] = (),
    timeout: float | None = None,
) -> tuple[RoleReport, ...]:
    """See to it that the role of each service in `parts` exists, with its rights, and let its connections carry it.

    A container does this when it starts, after its migrations. Call it for schemas that are created later, such as
    those of tenants: `await establish_roles([tenants], migrated=(await migrate([tenants])).reports)`.

    A service's role may look into its schemas, work with the rows of all tables and sequences in them, those included
    that migrations create later, call their routines, and read the tables that are declared as `reads`. It owns
    nothing, and so can alter and drop nothing. What does not exist yet is passed over with a warning.

    `mode` says what to do (`service_roles` of the pool's settings by default): `managed` creates and grants what is
    missing, over `migration_dsn` where that is set, and in one transaction up to a thousand tables; `existing`
    changes nothing, and waits for somebody who does where the pool's migrations are waited for (`migration_mode`);
    `off` does nothing at all. Where nothing is missing, that is one SELECT for all services, which
    needs no right. With `revoke`, rights of an earlier release's declarations are taken back, so `parts` must be all
    there is of each service.
    `migrated` tells the schemas of a set without asking its query again; `timeout` is for how many seconds others are
    waited for that do the same (`migration_timeout` of the pool's settings by default).

    Returns a report for each service that has a role. Raises ServiceRolesError, with the SQL for somebody who may run
    it, when something is missing that cannot or must not be mended here; ServiceRolesBusyError after the timeout;
    IdentifierError for a role's name that is too long; PoolError and DatabaseError. A transaction that fails or is
    cancelled has changed nothing, and the next call goes on with what is left.
    """
    reports: list[RoleReport] = []
    for pool, those in by_pool(parts).items():
        how = ServiceRoles(mode if mode is not None else pool.settings.service_roles)
        if how is ServiceRoles.OFF:
            continue
        claims = await claims_on(pool, those, migrated)
        limit = pool.settings.migration_timeout if timeout is None else timeout
        reports += await Establishing(pool, claims, how, limit=limit, revoke=revoke).run()
    return tuple(reports)


class Establishing:
    """One call of `establish_roles` on one database."""

    def __init__(
        self, pool: SharedPool, claims: Sequence[Claim], mode: ServiceRoles, *, limit: float, revoke: bool
    ) -> None:
        self._pool = pool
        self._claims = claims
        self._mode = mode
        self._limit = limit
        self._asking = asking_for(pool, is_whole=revoke)
        self._gaps: Sequence[Gap] = ()
        self._ran: dict[str, tuple[str, ...]] = {}

    async def run(self) -> tuple[RoleReport, ...]:
        """Return a report for each claim once there is no gap, or raise."""
        if not self._claims:
            return ()
        begun, pause_of = time.monotonic(), pauses()
        while await self._is_wanting():
            if any(gap.kind.is_somebody_s for gap in self._gaps):
                raise self._lacking("the roles of services cannot be established: their names are taken")
            if self._mode is ServiceRoles.EXISTING:
                rest = self._limit - (time.monotonic() - begun)
                if self._pool.settings.migration_mode is not MigrationMode.WAIT or rest <= 0:
                    raise self._lacking(
                        "service_roles is 'existing', and the roles of services are not as they should be"
                    )
                await asyncio.sleep(min(next(pause_of), rest))
                continue
            refusal = await self._try()
            if refusal is None:
                break
            waited = time.monotonic() - begun
            if refusal.sqlstate in _DENIED:
                raise self._lacking(f"the roles of services cannot be established: {refusal.said}")
            if waited >= self._limit:
                raise ServiceRolesBusyError(address=self._pool.address, waited=waited, reason=refusal.said)
            await asyncio.sleep(min(next(pause_of), self._limit - waited))
        for sentence in describe(gap for gap in self._gaps if gap.kind.can_wait):
            _log.warning("%s", sentence)
        self._pool.set_roles({**self._pool.roles, **{claim.service: claim.role for claim in self._claims}})
        return tuple(RoleReport(each.service, each.role, self._ran.get(each.service, ())) for each in self._claims)

    async def _is_wanting(self) -> bool:
        with translated():
            # Not `use.connection`, after which the session would be cleared.
            async with self._pool.lease(SERVICE) as use:
                login = await self._read(use.lease.connection)
        self._asking = self._asking._replace(login=login)
        return bool(to_mend(self._gaps))

    async def _read(self, connection: Session) -> str:
        login, self._gaps = await read_gaps(connection, self._claims, self._asking)
        return login

    async def _try(self) -> Refusal | None:
        """Mend everything and return None, or return why that failed."""
        with translated():
            async with Access(self._pool).changing() as connection:
                try:
                    return await self._mend(connection)
                except asyncpg.PostgresError as error:
                    refusal = _refusal(error)
                    if refusal.sqlstate in _DENIED or refusal.is_passing:
                        return refusal
                    raise

    async def _mend(self, connection: Session) -> Refusal | None:
        wanted: Sequence[Gap] | None = None
        rest: list[Sequence[Gap]] = []
        while wanted is None or rest:
            async with connection.transaction(isolation="read_committed"):
                await connection.execute(_LOCK_TIMEOUT)
                if not await connection.fetchval("SELECT pg_catalog.pg_try_advisory_xact_lock($1)", _LOCK):
                    return Refusal(BUSY, "another process is establishing them")
                if wanted is None:
                    await self._read(connection)
                    wanted = self._gaps
                    rest = batches(to_mend(wanted), _LARGEST)
                    if not rest:
                        return None
                sql = statements(rest.pop(0))
                await connection.execute(_joined(sql), timeout=UNLIMITED)
                if not rest:
                    await self._verify(connection, wanted)
            for service, ran in sql.items():
                self._ran[service] = self._ran.get(service, ()) + ran
        _log.info("Established the roles of %s", ", ".join(self._ran))
        return None

    async def _verify(self, connection: Session, wanted: Sequence[Gap]) -> None:
        """Raise where something is still missing that was just granted."""
        await self._read(connection)
        # Who may not grant a right that is his own is warned by the server, and not refused.
        if not set(wanted).isdisjoint(to_mend(self._gaps)):
            if len(wanted) <= _LARGEST:
                self._gaps = wanted
            raise _NotGrantedError

    def _lacking(self, fact: str) -> ServiceRolesError:
        missing = to_mend(self._gaps)
        return ServiceRolesError(
            fact, address=self._pool.address, missing=describe(missing), sql=_joined(statements(missing))
        )


class _NotGrantedError(asyncpg.InsufficientPrivilegeError):
    def __init__(self) -> None:
        super().__init__("not all of the rights were this role's to grant")


def _joined(sql: Mapping[str, Sequence[str]]) -> str:
    return "".join(f"{statement}\n" for of_service in sql.values() for statement in of_service)


def _refusal(error: asyncpg.PostgresError) -> Refusal:
    code = error.sqlstate or ""
    said = translate(error)
    return Refusal(code, said.fact if said else code)
