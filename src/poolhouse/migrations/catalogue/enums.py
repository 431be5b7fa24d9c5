"""Values of enums that a replay adds and uses in its one transaction, which PostgreSQL 17 was the first to allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from poolhouse._core.identifiers import quote_identifier
from poolhouse._core.replay import adds_enum_value, creates_enum, renaming, with_labels

if TYPE_CHECKING:
    import asyncpg

UNSAFE_USE = "55P04"
_FIRST_THAT_ALLOWS_IT = 17

_ENUMS = """
SELECT type.oid,
    coalesce(array_agg(label.oid::bigint ORDER BY enumsortorder) FILTER (WHERE enumtypid > 0), '{}') AS oids,
    coalesce(array_agg(enumlabel::text ORDER BY enumsortorder) FILTER (WHERE enumtypid > 0), '{}') AS labels
FROM pg_catalog.pg_type AS type
LEFT JOIN pg_catalog.pg_enum AS label ON enumtypid = type.oid
WHERE typnamespace = pg_catalog.to_regnamespace($1)::pg_catalog.oid AND typtype = 'e'
GROUP BY type.oid
"""


class Place(NamedTuple):
    """A statement of a replay: which of its files, and where in the rendered SQL."""

    file: int
    start: int


class _Addition(NamedTuple):
    type: int
    oid: int
    label: str


class EnumLessons:
    """What replays of the same files have learnt: the labels that an enum will need must be there when it is created.

    For the server a label is safe to use in the transaction that creates its type, and not in one that adds it. So
    it is created under another name, and gets its own where it would have been added.
    """

    def __init__(self) -> None:
        self.labels: dict[Place, list[str]] = {}
        self.renamed: dict[Place, tuple[str, str]] = {}


class EnumWatch:
    """Sees in one replay which statement creates which enum and which adds labels to it."""

    def __init__(self, connection: asyncpg.Connection[Any], schema: str, lessons: EnumLessons) -> None:
        self._connection = connection
        self._schema = quote_identifier(schema)
        self._lessons = lessons
        self._is_needed = connection.get_server_version().major < _FIRST_THAT_ALLOWS_IT
        self._created: dict[int, Place] = {}
        self._order: dict[int, list[int]] = {}
        self._first_labels: dict[int, str] = {}
        self._added: dict[Place, _Addition] = {}

    def rewrite(self, sql: str, place: Place) -> str:
        """Return the statement with what was learnt."""
        if place in self._lessons.renamed:
            return renaming(sql, *self._lessons.renamed[place])
        labels = self._lessons.labels.get(place)
        return sql if labels is None else with_labels(sql, labels)

    async def note(self, sql: str, place: Place) -> None:
        """Look what a statement has done that was just run."""
        if not self._is_needed or not (creates_enum(sql) or adds_enum_value(sql)):
            return
        for row in await self._connection.fetch(_ENUMS, self._schema):
            type_, labels = row["oid"], dict(zip(row["oids"], row["labels"], strict=True))
            if type_ not in self._order and creates_enum(sql):
                self._created[type_] = place
            elif type_ in self._created and (new := labels.keys() - self._first_labels.keys()):
                oid = new.pop()
                self._added[place] = _Addition(type_, oid, labels[oid])
            self._order[type_] = row["oids"]
            self._first_labels = {**labels, **self._first_labels}

    def learn(self) -> bool:
        """Keep what a next replay needs; False when there is nothing new, so that it would fail again."""
        for place, (_, oid, label) in self._added.items():
            placeholder = f"poolhouse replay {len(self._lessons.renamed) + 1}"
            self._first_labels[oid] = placeholder
            self._lessons.renamed[place] = (placeholder, label)
        for type_ in {added.type for added in self._added.values()}:
            self._lessons.labels[self._created[type_]] = [self._first_labels[oid] for oid in self._order[type_]]
        return bool(self._added)
