"""The tests on every supported Python; `make matrix` runs it."""

import nox

nox.options.sessions = ["full"]
nox.options.error_on_missing_interpreters = True
nox.options.default_venv_backend = "venv"

PYTHONS = ["3.11", "3.12", "3.13"]


def install(session: nox.Session) -> None:
    session.install("--quiet", "--require-hashes", "--requirement", "requirements/dev.lock")
    session.install("--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")


@nox.session(python=PYTHONS)
def full(session: nox.Session) -> None:
    """All tests."""
    install(session)
    session.run("pytest", "--numprocesses", "auto", *session.posargs)


@nox.session(python=PYTHONS[1:])
def short(session: nox.Session) -> None:
    """What differs between Pythons first: the pure core, the container, the application over HTTP."""
    install(session)
    session.run("pytest", "--numprocesses", "auto", "tests/unit", "tests/reference", *session.posargs)
