from __future__ import annotations

import subprocess
import sys

import pytest

MISUSED = 2
CREATED = [
    "containers/invoices.py",
    "migrations/invoices/0001_create_invoices.sql",
    "services/invoices/__init__.py",
    "services/invoices/models.py",
    "services/invoices/ports.py",
    "services/invoices/routes.py",
    "services/invoices/service.py",
    "tests/invoices/test_invoices.py",
]


def run(*command):
    return subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)


def test_it_writes_the_service_and_wires_it(project):
    found = project.add("invoices", "--needs", "orders", "--json").json
    assert found == {
        "service": "invoices",
        "created": CREATED,
        "edited": ["app/main.py", "containers/application.py"],
        "open": [],
    }
    assert all((project.root / path).exists() for path in CREATED)
    wired = "invoices = Part(InvoicesContainer, pool=pool, orders=orders.service)"
    assert wired in (project.root / "containers/application.py").read_text()
    assert "invoices.router" in (project.root / "app/main.py").read_text()


def test_a_service_that_needs_nobody_has_no_ports(project):
    created = project.add("notes", "--json").json["created"]
    assert "services/notes/service.py" in created
    assert "services/notes/ports.py" not in created
    assert "ports" not in (project.root / "containers/notes.py").read_text()


def test_services_of_all_kinds_are_linted_and_formatted(project):
    """Everything that can be needed: what exists, what is found, what offers neither, and many at once."""
    project.add("notes")
    project.add("gift_cards", "--needs", "notes")
    project.add("staff", "--one", "employee", "--needs", "payments")
    needs = [word for name in ("users", "orders", "payments", "gift_cards", "staff") for word in ("--needs", name)]
    assert project.add("reservations", *needs).code == 0
    for command in (["check"], ["format", "--check"]):
        done = run("ruff", *command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_its_code_passes_every_rule_that_the_library_keeps(project):
    project.add("invoices", "--needs", "orders", "--needs", "users")
    rules = ["--select=ALL", "--ignore=COM812,CPY001,D105,D107,D203,D213", "--line-length=120"]
    sorting = ["--config", "lint.isort.known-first-party=['poolhouse', 'services']"]
    done = run("ruff", "check", "--isolated", *rules, *sorting, "services/invoices", "containers/invoices.py")
    assert done.returncode == 0, done.stdout


def test_doing_it_again_changes_nothing(project):
    project.add("invoices", "--needs", "orders")
    before = project.files()
    outcome = project.add("invoices", "--needs", "orders")
    assert (outcome.code, outcome.out) == (0, "The service invoices is there already; nothing was changed.\n")
    assert project.files() == before


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("services/invoices.py", "there is services/invoices; there is not containers/invoices.py"),
        ("services/invoices/models.py", "there is services/invoices; there is not containers/invoices.py"),
        ("migrations/invoices/0001_mine.sql", "there is migrations/invoices; there is not services/invoices"),
    ],
)
def test_what_is_there_in_part_is_told_and_nothing_changed(project, path, told):
    (project.root / path).parent.mkdir(exist_ok=True)
    (project.root / path).write_text("")
    before = project.files()
    outcome = project.add("invoices")
    assert outcome.code == MISUSED
    assert told in outcome.err
    assert project.files() == before


@pytest.mark.parametrize(
    ("path", "before", "after", "told"),
    [
        ("app/main.py", "routers = (", "routers = tuple([", "routers is no tuple or list that is written out"),
        ("app/main.py", "routers = (", "others = (", "nothing is assigned to routers"),
        ("containers/application.py", "class Application", "class Other", "there is no class ApplicationContainer"),
        ("containers/application.py", "    pool = ", "    lake = ", "there is no pool, which a new service is given"),
        ("containers/orders.py", "service =", "orders =", "OrdersContainer makes no `service`"),
        ("services/fields.py", "Text =", "Words =", "there is no Text"),
        ("pyproject.toml", "routers =", "# routers =", "no routers are named"),
        ("pyproject.toml", "settings =", "# settings =", "no settings are named"),
        ("pyproject.toml", '"app.main:', '"app.mian:', "app.mian is no file in"),
    ],
)
def test_a_project_of_another_form_is_told_and_nothing_changed(project, path, before, after, told):
    project.edit(path, before, after)
    if after.endswith("(["):
        project.edit(path, "payments.router)", "payments.router])")
    files = project.files()
    outcome = project.add("invoices", "--needs", "orders")
    assert outcome.code == MISUSED
    assert told in outcome.err
    assert project.files() == files


def test_a_file_that_is_no_python_is_told_with_its_line(project):
    project.edit("containers/application.py", "class ApplicationContainer", "klass ApplicationContainer")
    outcome = project.add("invoices")
    assert outcome.code == MISUSED
    assert "containers/application.py:" in outcome.err
    assert "it is no Python" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["invoices", "--needs", "order"], "there is no service 'order' to be needed. Did you mean orders?"),
        (["invoices", "--needs", "invoices"], "there is no service 'invoices' to be needed"),
        (["Invoices"], "Try invoices"),
        (["pool"], "is there in part: there is pool in containers.application:ApplicationContainer"),
    ],
)
def test_a_slip_is_told(project, arguments, told):
    before = project.files()
    outcome = project.add(*arguments)
    assert outcome.code == MISUSED
    assert told in outcome.err
    assert project.files() == before


def test_outside_of_a_project_it_is_told_where_it_would_look(empty):
    outcome = empty.add("invoices")
    assert outcome.code == MISUSED
    assert "no application was found" in outcome.err


def test_a_port_is_left_to_be_written_where_its_service_cannot_be_asked_by_an_id(project):
    outcome = project.add("refunds", "--needs", "payments")
    assert "services/refunds/ports.py: write what refunds need of payments." in outcome.out
    assert "nothing yet" in (project.root / "services/refunds/ports.py").read_text()


@pytest.mark.parametrize(
    ("signature", "kind"),
    [
        ("async def exists(self, user_id: int) -> bool: ...", "exists"),
        ("async def exists(self, user_id: int, *, deep: bool = False) -> bool: ...", "exists"),
        ("async def find(self, number: int) -> object: ...", "find"),
        ("async def exists(self, user_id: str) -> bool: ...", "open"),
        ("async def exists(self, user_id: int, realm: int) -> bool: ...", "open"),
        ("async def exists(self, user_id: int, *, realm: int) -> bool: ...", "open"),
        ("def exists(self, user_id: int) -> bool: ...", "open"),
        ("pass", "open"),
    ],
)
def test_a_needed_service_is_asked_by_what_it_offers(project, signature, kind):
    (project.root / "services/users/service.py").write_text(f"class Users:\n    {signature}\n")
    assert project.sources.need("users").kind == kind


def test_an_application_in_one_file_is_edited_too(project):
    main, wiring = (project.root / path for path in ("app/main.py", "containers/application.py"))
    main.write_text(f"{wiring.read_text()}\n\nfrom services import users\n\nrouters = (users.router,)\n")
    project.edit("pyproject.toml", "containers.application:", "app.main:")
    assert project.add("invoices").code == 0
    text = main.read_text()
    assert "invoices = Part(InvoicesContainer, pool=pool)" in text
    assert "routers = (users.router, invoices.router)" in text


def test_a_file_that_nobody_formatted_stays_as_it_was_written(project):
    project.edit("app/main.py", "routers = (users", "x  =  1\nrouters = (users")
    project.add("invoices")
    assert "x  =  1\n" in (project.root / "app/main.py").read_text()


def test_a_list_of_services_that_do_not_know_each_other_is_edited_too(project):
    project.edit("pyproject.toml", '["services.*"]', '["services.users", "services.orders"]')
    assert "pyproject.toml" in project.add("invoices", "--json").json["edited"]
    assert '["services.users", "services.orders", "services.invoices"]' in (project.root / "pyproject.toml").read_text()


def test_the_shell_completes_what_may_be_needed(project):
    from poolhouse.cli.services import complete_services

    assert list(complete_services("")) == ["orders", "payments", "users"]
    assert list(complete_services("pa")) == ["payments"]


def test_outside_of_a_project_the_shell_completes_nothing(empty):
    from poolhouse.cli.services import complete_services

    assert list(complete_services("")) == []
