"""Making routes of what Routers recorded, for one container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from poolhouse.container import Asked
from poolhouse.container.injection import place_of
from poolhouse.errors import Violations, WiringError
from poolhouse.integrations.fastapi._declared import describe_problems, translating
from poolhouse.integrations.fastapi._endpoint import Binder
from poolhouse.integrations.fastapi._scoped import giving_scopes
from poolhouse.integrations.fastapi.router import Registration, Router

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from poolhouse.container import Container
    from poolhouse.container.units import Filling


def bind_routers(
    routers: Sequence[APIRouter], container: Container, options: Mapping[str, Any] | None = None
) -> tuple[list[APIRouter], dict[str, Any]]:
    """Bind every Router among these to the container, and the dependencies in `options` of an application.

    Violations says what is wrong with any of them, at once.
    """
    binder = Binder(container)
    bound = [_Binding(binder).bind(router) for router in routers]
    filled = binder.options(options or {})
    if binder.faults:
        raise Violations("the routes", binder.faults)
    return bound, filled


def asked_by(router: Router, container: Container) -> Asked:
    """Return what the router calls of the container, and everything that keeps it from being bound."""
    binder = Binder(container)
    _Binding(binder).bind(router)
    return Asked(tuple(binder.asked), tuple(binder.faults))


@dataclass(frozen=True, slots=True)
class _Binding:
    """One pass over routers and the routers in them, which collects what is wrong."""

    binder: Binder

    def bind(
        self,
        router: APIRouter,
        inherited: Mapping[type[Exception], int] | None = None,
        above: tuple[APIRouter, ...] = (),
    ) -> APIRouter:
        if not isinstance(router, Router):
            return router
        # Starlette's routers are equal when their routes are, so membership would not do.
        if any(router is other for other in above):
            place = f"the router of {router.prefix or '/'}"
            self.binder.faults.append(
                WiringError("a router includes itself", place=place, remedy="Include it elsewhere")
            )
            return APIRouter()
        problems = {**(inherited or {}), **router.problems}
        bound = APIRouter(**self.binder.options(router.keywords))
        for registration in router.registrations:
            match registration:
                case Registration(("add_api_route" | "add_api_websocket_route") as method, (path, endpoint)):
                    with self.binder.collecting() as collected:
                        options = self.binder.options(registration.options)
                    translated = problems if method == "add_api_route" else {}
                    self._add(bound, registration, path, endpoint, options, collected, translated)
                case Registration("include_router", (child,), options):
                    bound.include_router(self.bind(child, problems, (*above, router)), **self.binder.options(options))
                case Registration(method, arguments, options):
                    getattr(bound, method)(*arguments, **self.binder.options(options))
        return bound

    def _add(
        self,
        bound: APIRouter,
        registration: Registration,
        path: str,
        endpoint: Callable[..., Any],
        options: dict[str, Any],
        collected: Sequence[Filling],
        problems: Mapping[type[Exception], int],
    ) -> None:
        is_of_websocket = registration.method == "add_api_websocket_route"
        filled = self.binder.endpoint(endpoint, collected, is_of_websocket=is_of_websocket)
        if filled is None:
            return
        if filled.retries is not None:
            route_class = options.get("route_class_override") or bound.route_class
            scoped = giving_scopes(route_class, self.binder.container, filled.retries, problems)
            options = {**options, "route_class_override": scoped}
        # Around the scope, whose commit may raise what has a status, and which is begun anew for some of it.
        options = _translated(options, problems, bound)
        try:
            getattr(bound, registration.method)(path, filled.call, **options)
        except WiringError as error:  # a marker in a model, a header or the like, found by FastAPI on its way through
            self.binder.faults.append(WiringError(error.fact, place=place_of(endpoint), remedy=error.remedy))


def _translated(options: dict[str, Any], problems: Mapping[type[Exception], int], router: APIRouter) -> dict[str, Any]:
    """Add the router's problems to the keywords of a route: described in OpenAPI, and answered with their status."""
    if not problems:
        return options
    responses: dict[int | str, dict[str, Any]] | None = options.get("responses")
    if responses is None or (responses and not any(str(status)[0] in "45" for status in responses)):
        responses = {**describe_problems(problems), **(responses or {})}
    route_class = options.get("route_class_override") or router.route_class
    return {**options, "responses": responses, "route_class_override": translating(route_class, problems)}
