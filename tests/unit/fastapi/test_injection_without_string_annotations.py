# Without `from __future__ import annotations`, on purpose: annotations are objects here.
from typing import Annotated

from dependency_injector import providers
from fastapi import FastAPI

from poolhouse.container import Container
from poolhouse.integrations.fastapi import Inject, Injected, Router


class Counter:
    count = 3


class App(Container):
    counter = providers.Factory(Counter)


async def test_annotations_may_be_objects_or_have_strings_inside(client_of):
    class Local:
        count = 4

    class LocalApp(App):
        local = providers.Factory(Local)

    router = Router()

    @router.get("/")
    async def count(
        one: Injected[Counter], two: Annotated["Counter", Inject()], local: Injected[Local], factor: "int" = 2
    ) -> "list[int]":
        return [one.count * factor, two.count, local.count]

    app = FastAPI()
    app.include_router(router.bind(LocalApp()))
    assert (await client_of(app).get("/?factor=3")).json() == [9, 3, 4]
