"""Looking at how the roles of services stand, which changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse._core.roles import describe, statements, to_mend
from poolhouse.migrations.access import SERVICE
from poolhouse.migrations.bringing_up import translated
from poolhouse.roles.claims import by_pool, claims_on
from poolhouse.roles.reading import asking_for, read_gaps
from poolhouse.roles.report import RoleStatus
from poolhouse.settings import ServiceRoles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from poolhouse._core.roles import Claim, Gap
    from poolhouse.migrations import MigrationReport, MigrationSet
    from poolhouse.schema import SchemaManager


async def role_status(
    parts: Iterable[SchemaManager | MigrationSet],
    *,
    revoke: bool = False,
    migrated: Sequence[MigrationReport] = (),
) -> tuple[RoleStatus, ...]:
    """Return how the role of each service in `parts` stands, without changing anything.

    It is one SELECT for all services, and needs no right. Services whose pool has `service_roles` set to off have no
    role. With `revoke`, rights of an earlier release's declarations count as well, so `parts` must be all there is of
    each service; `migrated` tells the schemas of a set without asking its query again.

    Raises IdentifierError for a role's name that is too long, ConfigurationError for a query of schemas that cannot be
    asked, PoolError and DatabaseError.
    """
    found: list[RoleStatus] = []
    for pool, those in by_pool(parts).items():
        if pool.settings.service_roles is ServiceRoles.OFF:
            continue
        claims = await claims_on(pool, those, migrated)
        if not claims:
            continue
        with translated():
            # Not `use.connection`, after which the session would be cleared.
            async with pool.lease(SERVICE) as use:
                _, gaps = await read_gaps(use.lease.connection, claims, asking_for(pool, is_whole=revoke))
        found += [_status(claim, pool.address, [gap for gap in gaps if gap.role == claim.role]) for claim in claims]
    return tuple(found)


def _status(claim: Claim, address: str, gaps: Sequence[Gap]) -> RoleStatus:
    return RoleStatus(
        claim.service,
        claim.role,
        address,
        missing=describe(to_mend(gaps)),
        waiting=describe(gap for gap in gaps if gap.kind.can_wait),
        statements=statements(to_mend(gaps)).get(claim.service, ()),
        is_taken=any(gap.kind.is_somebody_s for gap in gaps),
    )
