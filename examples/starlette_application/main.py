"""Starlette without FastAPI: short links. `uvicorn --factory examples.starlette_application.main:application`.

Nothing of poolhouse is needed in the routes. The container is the application's lifespan, and an endpoint is a method
of an object that the container makes, so that it has what it needs when the routes are put together.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from dependency_injector import providers
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from poolhouse import ApplicationSettings, Container, EmbeddedPostgres, MigrationSet, SchemaManager, SharedPool

HERE = Path(__file__).parent


class Links:
    """Gives long addresses short names."""

    def __init__(self, db: SchemaManager) -> None:
        self._db = db

    async def name(self, name: str, target: str) -> bool:
        """Give an address a name; return whether the name was free."""
        status = await self._db.execute(
            "INSERT INTO {{tables.links}} (name, target) VALUES ($1, $2) ON CONFLICT DO NOTHING", name, target
        )
        return status == "INSERT 0 1"

    async def target(self, name: str) -> str | None:
        """Return the address that has a name, or None."""
        target: str | None = await self._db.fetchval("SELECT target FROM {{tables.links}} WHERE name = $1", name)
        return target


class Endpoints:
    """What is answered to requests."""

    def __init__(self, links: Links) -> None:
        self._links = links

    async def create(self, request: Request) -> Response:
        """`PUT /name` with the address as its body."""
        name, target = request.path_params["name"], (await request.body()).decode()
        is_free = await self._links.name(name, target)
        return JSONResponse({"name": name, "target": target}, 201) if is_free else Response("taken", 409)

    async def follow(self, request: Request) -> Response:
        """`GET /name`."""
        target = await self._links.target(request.path_params["name"])
        return RedirectResponse(target) if target is not None else Response("unknown", 404)


class LinksContainer(Container):
    """The service, and the endpoints that use it."""

    settings = providers.Singleton(ApplicationSettings)
    server = providers.Resource(EmbeddedPostgres, settings.provided.embedded)
    pool = providers.Resource(SharedPool, settings.provided.database, server=server)
    db = providers.Factory(SchemaManager, pool, schema="links")
    migrations = providers.Factory(MigrationSet, db, HERE / "migrations" / "links")
    service = providers.Factory(Links, db)
    endpoints = providers.Factory(Endpoints, service)


def application(container: LinksContainer | None = None) -> Starlette:
    """Put the application together; its lifespan starts and stops the container."""
    container = container or LinksContainer()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with container:
            yield

    endpoints: Endpoints = container.endpoints()
    routes = [
        Route("/{name}", endpoints.create, methods=["PUT"]),
        Route("/{name}", endpoints.follow),
    ]
    return Starlette(routes=routes, lifespan=lifespan)
