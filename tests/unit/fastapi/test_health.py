from __future__ import annotations

import pytest
from fastapi import FastAPI

from poolhouse.container import Container
from poolhouse.integrations.fastapi import Readiness, create_application, health, install_problem_details


class App(Container):
    pass


async def test_live_is_200_whatever_the_container_does(client_of):
    answer = await client_of(create_application(App())).get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


async def test_ready_is_503_before_the_start_and_after_the_stop(client_of):
    container = App()
    client = client_of(create_application(container))
    before = await client.get("/health/ready")
    await container.init_resources()
    during = await client.get("/health/ready")
    await container.shutdown_resources()
    after = await client.get("/health/ready")
    assert [answer.status_code for answer in (before, during, after)] == [503, 200, 503]
    assert before.headers["content-type"] == "application/problem+json"
    assert "its state is new" in before.json()["detail"]
    assert "its state is stopped" in after.json()["detail"]


async def test_ready_is_503_from_the_moment_the_server_says_so(client_of):
    app = create_application(App())
    async with app.router.lifespan_context(app):
        client = client_of(app)
        assert (await client.get("/health/ready")).status_code == 200
        app.state.readiness.close()
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["detail"]) == (503, "the application is shutting down")


async def test_an_application_that_starts_again_is_ready_again(client_of):
    app = create_application(App())
    for _ in range(2):
        async with app.router.lifespan_context(app):
            assert (await client_of(app).get("/health/ready")).status_code == 200


async def test_health_can_be_added_to_an_application_of_ones_own(client_of):
    app = FastAPI()
    install_problem_details(app)
    app.include_router(health(App()))
    assert (await client_of(app).get("/health/ready")).status_code == 503


def test_openapi_describes_health():
    paths = create_application(App()).openapi()["paths"]
    assert set(paths["/health/live"]["get"]["responses"]) == {"200", "default"}
    assert set(paths["/health/ready"]["get"]["responses"]) == {"200", "503", "default"}


@pytest.mark.parametrize(("is_open", "word"), [(True, "open"), (False, "closed")])
def test_readiness_shows_its_state(is_open, word):
    readiness = Readiness(App())
    if not is_open:
        readiness.close()
    assert repr(readiness) == f"<Readiness {word}, container new>"
    assert readiness.is_open is is_open
