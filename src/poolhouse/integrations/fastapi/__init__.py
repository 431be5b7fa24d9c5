"""FastAPI on a container: injected endpoints, its lifecycle as the application's, every error as a problem.

Needs the extra `fastapi`.
"""

from poolhouse._core.extras import needing
from poolhouse.container import Inject, Injected

with needing("fastapi", extra="fastapi"):
    from poolhouse.integrations.fastapi.application import create_application
    from poolhouse.integrations.fastapi.health import Readiness, health
    from poolhouse.integrations.fastapi.lifespan import lifespan
    from poolhouse.integrations.fastapi.problems import (
        InvalidInput,
        Problem,
        install_problem_details,
        problem_responses,
    )
    from poolhouse.integrations.fastapi.request_ids import RequestIds
    from poolhouse.integrations.fastapi.router import Router

__all__ = [
    "Inject",
    "Injected",
    "InvalidInput",
    "Problem",
    "Readiness",
    "RequestIds",
    "Router",
    "create_application",
    "health",
    "install_problem_details",
    "lifespan",
    "problem_responses",
]
