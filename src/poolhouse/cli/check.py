"""`poolhouse check`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast

import typer

from poolhouse.cli.answer import Answer, ExitCode
from poolhouse.cli.application import Application
from poolhouse.cli.profiles import in_profile
from poolhouse.cli.verb import verb
from poolhouse.errors import PoolhouseError, ProfilesError, ProviderError, Violations
from poolhouse.settings import Profile

group = typer.Typer()

HasExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit with 1 when something may be wrong.")]
InAllProfiles = Annotated[
    bool, typer.Option("--all-profiles", help="Make the settings of every profile, and check each with its own.")
]


@verb(
    group,
    examples=["poolhouse check", "poolhouse check --all-profiles", "poolhouse check --json --exit-code"],
    json="{container, routers, doubts: [{place, path, fact, remedy}]}, and with --all-profiles {profiles: [{profile, "
    "missing}]} besides, where missing are variables that are required there and not set here; where something is "
    "wrong, {error: {kind, message, violations}}",
)
async def check(
    application: Application, *, all_profiles: InAllProfiles = False, exit_code: HasExitCode = False
) -> Answer:
    r"""Check how the application is wired, without a database and without opening anything.

    Dependencies that nothing fills, circles, arguments and types that do not fit, what has to be awaited, schemas and
    modules that two services have, pools that nothing opens, migration files, and what the routers are to be injected
    with, where \[tool.poolhouse] names them: `routers = "app.main:routers"`. All of it is told at once, each with its
    file and line, and a remedy.

    Whatever a Selector can choose is checked, in each profile. With --all-profiles the settings of every profile are
    made as well, of their defaults and of what this machine has for them; what is required there, as secrets are, and
    not set here is named, and is no fault.

    Exit codes: 0 nothing is wrong, 1 something may be (only with --exit-code), 2 something is wrong, 130 interrupted.
    """
    if all_profiles:
        return _in_all_profiles(application, exit_code=exit_code)
    doubts = _checked(application)
    return _answer(application, doubts, {}, [], exit_code=exit_code)


def _in_all_profiles(application: Application, *, exit_code: bool) -> Answer:
    """Check each profile, and tell what is wrong in several of them once."""
    wrong: dict[str, list[Profile]] = {}
    doubts: dict[str, ProviderError] = {}
    missing: dict[Profile, Sequence[str]] = {}
    for profile in Profile:
        try:
            with in_profile(application, profile) as seen:
                missing[profile] = seen.missing
                doubts |= {str(doubt): doubt for doubt in _checked(seen.application)}
        except PoolhouseError as error:
            several: Sequence[object] = cast("Any", error).violations if isinstance(error, Violations) else (error,)
            for each in several:
                wrong.setdefault(str(each), []).append(profile)
    if wrong:
        raise ProfilesError(wrong)
    data = {"profiles": [{"profile": each.value, "missing": list(names)} for each, names in missing.items()]}
    lines = [
        f"In {each} is required, and not set here: {', '.join(names)}." for each, names in missing.items() if names
    ]
    return _answer(application, [*doubts.values()], data, lines, exit_code=exit_code)


def _checked(application: Application) -> Sequence[ProviderError]:
    container = application.container
    return container.validate(*application.routers)


def _answer(
    application: Application,
    doubts: Sequence[ProviderError],
    more: Mapping[str, object],
    lines: Sequence[str],
    *,
    exit_code: bool,
) -> Answer:
    data = {
        "container": cast("Any", application.container).parent_name,
        "routers": len(application.routers),
        "doubts": [_described(each) for each in doubts],
        **more,
    }
    where = " in any profile" if more else ""
    said = f"Nothing is wrong with the wiring{where}."
    if doubts:
        said = f"Nothing is wrong{where}; but see whether this is meant:"
    code = ExitCode.PENDING if exit_code and doubts else ExitCode.FINE
    return Answer(data, (said, *(f"  - {each}" for each in doubts), *lines), code)


def _described(doubt: ProviderError) -> dict[str, object]:
    return {"place": doubt.place, "path": [*doubt.path], "fact": doubt.fact, "remedy": doubt.remedy}
