"""Declarative containers with an ordered, awaitable lifecycle, on dependency-injector's providers."""

from poolhouse._core.lifecycle import LifecycleState
from poolhouse._core.restarting import TaskState
from poolhouse.container.background import BackgroundTask, uninterrupted
from poolhouse.container.declarative import Container, background_tasks
from poolhouse.container.events import BackgroundTaskCrashed
from poolhouse.container.injecting import inject
from poolhouse.container.injection import Inject, Injected
from poolhouse.container.locating import locate, migration_sets, pools
from poolhouse.container.migrating import migrating
from poolhouse.container.part import Part
from poolhouse.container.process import on_signals, run, run_until_stopped
from poolhouse.container.report import StartReport, StepReport
from poolhouse.container.scope import Scope
from poolhouse.container.scoped import Scoped
from poolhouse.container.transacting import InTransaction, Transactional
from poolhouse.container.validating import Asked, Asking

__all__ = [
    "Asked",
    "Asking",
    "BackgroundTask",
    "BackgroundTaskCrashed",
    "Container",
    "InTransaction",
    "Inject",
    "Injected",
    "LifecycleState",
    "Part",
    "Scope",
    "Scoped",
    "StartReport",
    "StepReport",
    "TaskState",
    "Transactional",
    "background_tasks",
    "inject",
    "locate",
    "migrating",
    "migration_sets",
    "on_signals",
    "pools",
    "run",
    "run_until_stopped",
    "uninterrupted",
]
