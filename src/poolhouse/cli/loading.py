"""From the names of an application's container and settings to a container that can be opened."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from pydantic import ValidationError

from poolhouse._core.masking import mask_text
from poolhouse._core.suggestion import nearest
from poolhouse.container import Container
from poolhouse.errors import CommandError, PoolhouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from poolhouse.cli.project import Name, Project
    from poolhouse.container import Asking


def load_container(project: Project) -> Container:
    """Import the application of `project` and build its container, which opens nothing.

    The project's folder becomes the working directory, and the first place that modules are imported from.
    Raises CommandError for names that lead nowhere and code that fails, and what the settings raise.
    """
    kind = load_container_class(project)
    given = {} if project.settings is None else {"settings": _taken(project.settings, kind)}
    try:
        return kind(**given)
    except PoolhouseError:
        raise
    except Exception as error:  # noqa: BLE001 - it is the application's code that fails
        raise _failed(f"{project.container}()", error, project.container) from None


def load_container_class(project: Project) -> type[Container]:
    """Import the class of the container of `project`, as `load_container` does; raises CommandError."""
    _enter(project)
    kind = _attribute(project.container)
    if not _is_container(kind):
        fact = f"{project.container} is {_described(kind)}, and no class of poolhouse.container.Container"
        raise CommandError(fact, place=project.container.place, remedy="Name the application's outermost container")
    return kind


def load_routers(project: Project) -> tuple[Asking, ...]:
    """Import what `routers` of `project` names: a router, or several; none where it names nothing.

    Those that ask the container for nothing are left out. The container has to be loaded already. Raises CommandError.
    """
    if project.routers is None:
        return ()
    found = _attribute(project.routers)
    asking = [each for each in (found if _are_several(found) else (found,)) if _is_asking(each)]
    if not asking:
        fact = f"{project.routers} is {_described(found)}, and no router of poolhouse, or several of them"
        raise CommandError(fact, place=project.routers.place, remedy="Name a tuple of the application's routers")
    return tuple(asking)


def _are_several(found: Any) -> TypeGuard[Iterable[Any]]:
    return isinstance(found, list | tuple)


def _is_asking(found: Any) -> TypeGuard[Asking]:
    return callable(getattr(found, "asked_of", None))


def load_main(project: Project) -> Callable[[], int | None]:
    """Import what `main` of `project` names: what runs the application, and returns its exit code.

    Raises CommandError for a name that leads nowhere, and for code that fails.
    """
    if project.main is None:
        example = 'main = "app.main:main"'
        raise CommandError("pyproject.toml does not name what runs the application", remedy=f"Add {example} to it")
    _enter(project)
    found = _attribute(project.main)
    if not callable(found):
        fact = f"{project.main} is {_described(found)}, and cannot be called"
        raise CommandError(fact, place=project.main.place, remedy="Name a function without arguments")
    return cast("Callable[[], int | None]", found)


def load_settings(project: Project) -> Any:
    """Return the settings that the application of `project` names, or else those that its container has.

    Raises CommandError for names that lead nowhere and code that fails, and what the settings raise.
    """
    if project.settings is not None:
        _enter(project)
        return _made(project.settings)
    provider = load_container(project).providers.get("settings")
    fact = f"{project.container} has no settings, and none are named"
    if provider is not None:
        try:
            return provider()
        except PoolhouseError:
            raise
        except Exception as error:  # noqa: BLE001 - it is the application's code that fails
            fact = f"the settings of {project.container} cannot be made: {_said(error)}"
    raise CommandError(
        fact, place=project.container.place, remedy='Name their class, as settings = "app.settings:Settings"'
    )


def load_attribute(project: Project, name: Name) -> Any:
    """Import what a name of `project` leads to, as `load_container` does; raises CommandError."""
    _enter(project)
    return _attribute(name)


def find_source(project: Project, module: str) -> Path | None:
    """Return the file of a module of `project`, importing nothing but the packages that it is in; None without one."""
    _enter(project)
    spec = find_spec(module)
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


def load_settings_class(project: Project) -> Any:
    """Import what makes the settings of `project`, without calling it, or None where none are named.

    Raises CommandError.
    """
    if project.settings is None:
        return None
    _enter(project)
    return _attribute(project.settings)


def _enter(project: Project) -> None:
    os.chdir(project.root)
    if str(project.root) not in sys.path:
        sys.path.insert(0, str(project.root))


def _taken(name: Name, container: type[Container]) -> Any:
    _attribute(name)
    if "settings" not in container.providers:
        fact = f"settings are named, but {container.__qualname__} has no provider `settings` to take them"
        raise CommandError(fact, place=name.place, remedy="Declare one, or leave the settings out")
    return _made(name)


def _made(name: Name) -> Any:
    settings = _attribute(name)
    if not callable(settings):
        fact = f"{name} is {_described(settings)}, which makes no settings"
        raise CommandError(fact, place=name.place, remedy="Name the class of the application's settings")
    try:
        return settings()
    except PoolhouseError:
        raise
    except Exception as error:  # noqa: BLE001 - it is the application's code that fails
        raise _failed(f"{name}()", error, name) from None


def _is_container(found: Any) -> TypeGuard[type[Container]]:
    return isinstance(found, type) and issubclass(found, Container)


def _attribute(name: Name) -> Any:
    found: Any = _module(name)
    for attribute in name.attribute.split("."):
        if not hasattr(found, attribute):
            names: list[str] = dir(found)
            close = nearest(attribute, names)
            remedy = f"Did you mean {close}?" if close else "Correct the name behind the colon"
            raise CommandError(f"{name.module} has no {name.attribute}", place=name.place, remedy=remedy)
        found = getattr(found, attribute)
    return found


def _module(name: Name) -> Any:
    try:
        return importlib.import_module(name.module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name.module}.".startswith(f"{error.name}."):
            fact = f"there is no module {error.name!r} in {os.getcwd()} or where packages are installed"  # noqa: PTH109 - a string is wanted
            raise CommandError(fact, place=name.place, remedy="Correct the name before the colon") from None
        raise _failed(f"import {name.module}", error, name) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the application's code that fails
        raise _failed(f"import {name.module}", error, name) from None


def _failed(doing: str, error: BaseException, name: Name) -> CommandError:
    """Return what a person is told of an exception in the application's own code: what, and in which line."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    own = [frame for frame in frames if frame.filename != __file__]
    at = f" at {own[-1].filename}:{own[-1].lineno}" if own else ""
    if isinstance(error, SyntaxError):
        at = f" at {error.filename}:{error.lineno}"
    fact = f"`{doing}` failed with {type(error).__name__}{at}: {_said(error)}".rstrip(": ")
    remedy = "Mend what it says; the application itself would not start"
    if isinstance(error, ImportError) and _is_a_stranger():
        remedy = "Run it in the project's own environment: . .venv/bin/activate"
    return CommandError(fact, place=name.place, remedy=remedy)


def _is_a_stranger() -> bool:
    """Whether the project, which is the working directory by now, has an environment, and this process another one."""
    own = Path(".venv")
    return own.is_dir() and own.resolve() != Path(sys.prefix).resolve()


def _said(error: BaseException) -> str:
    if isinstance(error, ValidationError):
        # Its own words have the values in them, which may be secrets.
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults)
    # Of a library that was given a DSN, perhaps.
    return mask_text(str(error.msg if isinstance(error, SyntaxError) else error))


def _described(found: object) -> str:
    return f"the class {found.__qualname__}" if isinstance(found, type) else f"a {type(found).__qualname__}"
