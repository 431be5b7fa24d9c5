from __future__ import annotations

import pytest

from poolhouse.cli.scaffold.wiring import Source
from poolhouse.errors import CommandError


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import sys\n", "import sys\nfrom services import invoices\n"),
        ('"""Doc."""\n\nx = 1\n', 'from services import invoices\n"""Doc."""\n\nx = 1\n'),
        ("from services import orders, users\n", "from services import invoices, orders, users\n"),
        ("from services import users, orders\n", "from services import users, orders, invoices\n"),
        ("from services import invoices\n", "from services import invoices\n"),
        ("from services import orders as o  # why\n", "from services import invoices, orders as o  # why\n"),
        ("from services.a import b\nimport z\n", "from services import invoices\nfrom services.a import b\nimport z\n"),
    ],
)
def test_a_name_is_imported_once_and_in_order(before, after):
    source = Source("app.py", before)
    source.add_import("services", "invoices")
    assert source.text == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("routers = ()\n", "routers = (b.router,)\n"),
        ("routers = (a.router,)\n", "routers = (a.router, b.router)\n"),
        ("routers = [a.router, c.router]\n", "routers = [a.router, c.router, b.router]\n"),
        ("routers: tuple = (a.router,)\n", "routers: tuple = (a.router, b.router)\n"),
        ("routers = (b.router, a.router)\n", "routers = (b.router, a.router)\n"),
        (
            "routers = (\n    a.router,  # first\n    c.router,  # last\n)\n",
            "routers = (\n    a.router,  # first\n    c.router,  # last\n    b.router,\n)\n",
        ),
        (
            "routers = [\n    a.router,\n    c.router,\n]\n",
            "routers = [\n    a.router,\n    c.router,\n    b.router,\n]\n",
        ),
    ],
)
def test_a_router_is_added_once_and_at_the_end(before, after):
    source = Source("app.py", before)
    source.add_element("routers", "b.router")
    assert source.text == after


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\n", "nothing is assigned to routers"),
        ("routers = made()\n", "routers is no tuple or list that is written out"),
        ("routers: tuple\n", "routers is no tuple or list that is written out"),
    ],
)
def test_routers_of_another_form_are_told(text, told):
    with pytest.raises(CommandError, match=rf"^app.py: {told}. Nothing was changed"):
        Source("app.py", text).add_element("routers", "b.router")


CONTAINER = """
class Application(Container):
    # The pool of all.
    pool = providers.Resource(SharedPool)
    users = providers.Container(UsersContainer, pool=pool)  # first

    cache = providers.Resource(Cache)
"""


def test_a_service_is_wired_behind_the_last_one():
    source = Source("application.py", CONTAINER)
    source.add_provider("Application", "notes = Part(NotesContainer, pool=pool)")
    line = "    notes = Part(NotesContainer, pool=pool)\n"
    assert source.text == CONTAINER.replace("# first\n", f"# first\n{line}")


def test_the_first_service_is_wired_at_the_end():
    source = Source("application.py", CONTAINER)
    source.remove_providers("Application", {"users"})
    source.add_provider("Application", "notes = Part(NotesContainer, pool=pool)")
    assert source.text.splitlines()[-2:] == [
        "    cache = providers.Resource(Cache)",
        "    notes = Part(NotesContainer, pool=pool)",
    ]


def test_a_container_that_is_not_there_is_told():
    with pytest.raises(CommandError, match="there is no class Applicaton"):
        Source("application.py", CONTAINER).add_provider("Applicaton", "notes = 1")


def test_what_is_taken_out_leaves_the_rest():
    source = Source("app.py", "from services import a, b, c\nfrom services.b import x\n\nall = (a.r, b.r, c.r)\n")
    source.remove_import("services", {"a", "c"})
    source.remove_imports({"services.b"})
    source.remove_elements("all", {"a.r", "c.r"})
    assert source.text == "from services import b\n\nall = (b.r,)\n"
