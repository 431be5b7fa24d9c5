"""In which order the stages of several modules are applied by one who applies them one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.stages import Stage, first_stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from poolhouse._core.dependencies import Dependencies
    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.plan import Plan


class Turn(NamedTuple):
    """A stage that is applied, on top of what `plan` says is applied to the set then."""

    loaded: LoadedMigrations
    plan: Plan
    stage: Stage


def turns_of(dependencies: Dependencies, plans: Mapping[LoadedMigrations, Plan]) -> Iterator[Turn]:
    """Yield the stages of all that is pending, each after what it depends on, otherwise in the order of `plans`.

    It ends early where nothing is ready, as when all that is left depends on a migration that is held.
    """
    now = dict(plans)
    while (turn := next(_ready(dependencies, now), None)) is not None:
        yield turn
        now[turn.loaded] = turn.plan.after(turn.stage.files)


def _ready(dependencies: Dependencies, plans: Mapping[LoadedMigrations, Plan]) -> Iterator[Turn]:
    for loaded, plan in plans.items():
        if not plan.pending:
            continue
        stage = Stage(plan.pending[:1]) if plan.unfinished else first_stage(plan.pending)
        # A stage is cut before a file that depends on others, so that no other of its files does.
        if dependencies.is_ready(loaded, stage.files[0], plans):
            yield Turn(loaded, plan, stage)
