"""The rights that the roles of services are expected to have in a schema, for its verification."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from poolhouse._core.identifiers import read_name
from poolhouse._core.roles import GapKind, statements, to_mend
from poolhouse.migrations.attempt import UNLIMITED
from poolhouse.roles.claims import by_pool, claims_on
from poolhouse.roles.reading import asking_for, read_gaps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from poolhouse._core.roles import Claim, Gap
    from poolhouse.migrations import MigrationSet
    from poolhouse.migrations.access import Session
    from poolhouse.pool import SharedPool
    from poolhouse.roles.reading import Asking
    from poolhouse.schema import SchemaManager

_SCHEMA = re.compile('"(?:[^"]|"")*"|[^".]+')


class ExpectedRights:
    """Gives the roles of services in a replayed schema what `establish_roles` would; for `verify(…, rights=…)`."""

    def __init__(self, claims: Sequence[Claim], asking: Asking) -> None:
        self._claims = claims
        self._asking = asking

    @property
    def roles(self) -> frozenset[str]:
        """The names of the services' roles."""
        return frozenset(claim.role for claim in self._claims)

    async def give(self, connection: Session, schema: str) -> tuple[str, ...]:
        """Give the rights in the open transaction, in `schema` alone, and return which roles do not exist."""
        # Whoever claims nothing here is asked about too, since a right to this schema would be taken from it.
        claims = [_within(claim, schema) for claim in self._claims]
        _, gaps = await read_gaps(connection, claims, self._asking)
        absent = {gap.role for gap in gaps if gap.kind is GapKind.ROLE}
        mended = [gap for gap in to_mend(gaps) if gap.role not in absent and _concerns(gap, schema)]
        for sql in statements(mended).values():
            await connection.execute("\n".join(sql), timeout=UNLIMITED)
        return tuple(claim.role for claim in claims if claim.role in absent and (claim.schemas or claim.reads))


async def expected_rights(pool: SharedPool, parts: Iterable[SchemaManager | MigrationSet]) -> ExpectedRights:
    """Return what `verify` is to expect of the roles of the services in `parts`, as far as they are on `pool`.

    `parts` must be all there is of each service, as for `establish_roles` with `revoke`; raises what that raises before
    it changes anything.
    """
    claims = await claims_on(pool, by_pool(parts).get(pool, ()), ())
    return ExpectedRights(claims, asking_for(pool, is_whole=True))


def _within(claim: Claim, schema: str) -> Claim:
    schemas = tuple(name for name in claim.schemas if name == schema)
    return claim._replace(schemas=schemas, reads=tuple(read for read in claim.reads if read[0] == schema))


def _concerns(gap: Gap, schema: str) -> bool:
    """Whether a gap is one in `schema`, or about a role that is to have no rights at all."""
    found = _SCHEMA.match(gap.name)
    return gap.kind.is_somebody_s if found is None else read_name(found[0]) == schema
