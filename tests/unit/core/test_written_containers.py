from __future__ import annotations

import pytest

from poolhouse._core.wiring.written import WrittenContainer, read_services


def read(body, *, imports="", module="containers.application"):
    source = f"{imports}\nclass Application(Container):\n    '''The whole.'''\n    {body}\n"
    return read_services(source, module=module, container="Application")


USERS = WrittenContainer("containers.users", "UsersContainer")


@pytest.mark.parametrize(
    ("imports", "body"),
    [
        ("from containers.users import UsersContainer", "users = providers.Container(UsersContainer, pool=pool)"),
        ("from containers.users import UsersContainer as U", "users = Container(U)"),
        ("from containers.users import UsersContainer", "users = Part(UsersContainer, pool=pool)"),
        ("from containers.users import UsersContainer", "users = container.Part(UsersContainer)"),
        ("from containers.users import UsersContainer", "users: Any = providers.Container(UsersContainer)"),
        ("from .users import UsersContainer", "users = providers.Container(UsersContainer)"),
        ("from . import users as module", "users = providers.Container(module.UsersContainer)"),
        ("import containers.users", "users = providers.Container(containers.users.UsersContainer)"),
        ("import containers.users as u", "users = providers.Container(u.UsersContainer)"),
        ("from containers import users as u", "users = providers.Container(u.UsersContainer)"),
    ],
)
def test_a_service_is_found_by_what_is_imported(imports, body):
    assert read(body, imports=imports) == {"users": USERS}


def test_a_class_of_the_same_module_is_found():
    found = read("users = providers.Container(Users)", imports="class Users(Container): ...")
    assert found == {"users": WrittenContainer("containers.application", "Users")}


def test_services_have_the_order_of_their_declaration():
    imports = "from a import B, C"
    assert [*read("c = providers.Container(C)\n    b = providers.Container(B)", imports=imports)] == ["c", "b"]


@pytest.mark.parametrize(
    "body",
    [
        "pool = providers.Resource(SharedPool)",
        "users = providers.Container(make())",
        "users = providers.Container(*kinds)",
        "users = providers.Container(Unknown)",
        "users = providers.Container(unknown.Users)",
        "users, orders = providers.Container(A), providers.Container(B)",
        "users = made",
        "if True:\n        users = providers.Container(A)",
    ],
)
def test_what_is_made_otherwise_is_left_out(body):
    assert read(body, imports="from a import A, B") == {}


def test_another_class_is_left_alone():
    source = "from a import A\nclass Other:\n    users = providers.Container(A)\n"
    assert read_services(source, module="m", container="Application") == {}
