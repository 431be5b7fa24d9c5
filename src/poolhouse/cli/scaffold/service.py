"""A new service in a project: its files, and its place in the wiring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from poolhouse.cli.scaffold.contracts import with_service
from poolhouse.cli.scaffold.formatting import Formatter
from poolhouse.cli.scaffold.places import service_templates
from poolhouse.cli.scaffold.rendering import render
from poolhouse.cli.scaffold.wiring import Source
from poolhouse.cli.scaffold.writing import Changes
from poolhouse.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from poolhouse.cli.project import Name, Project
    from poolhouse.cli.scaffold.naming import Names
    from poolhouse.cli.scaffold.sources import Need, Sources

_CONTRACTS = "pyproject.toml"
_FIELDS, _KINDS = "services/fields.py", ("Id", "Text")


@dataclass(frozen=True, slots=True)
class NewService:
    """A service that is to be in a project, and what it needs of others."""

    project: Project
    sources: Sources
    names: Names
    needs: tuple[Need, ...] = ()

    def changes(self) -> Changes | None:
        """Return what makes it part of the project; None where it is that already. Nothing is written.

        Raises CommandError where it is there in part, with what is and what is not, and where the project's own
        source has a form that is not known.
        """
        parts = self._parts()
        if all(parts.values()):
            return None
        if any(parts.values()):
            there, missing = (", ".join(part for part in parts if parts[part] is wanted) for wanted in (True, False))
            fact = f"the service {self.names.many} is there in part: there is {there}; there is not {missing}"
            raise CommandError(fact, remedy="Nothing was changed; remove what there is, or take another name")
        self._check_surroundings()
        return Changes(self._created(), self._edited())

    def _parts(self) -> dict[str, bool]:
        """Return everything that a service consists of, and whether something is in its place."""
        name, root = self.names.many, self.project.root
        modules = {f"services/{name}": f"services/{name}.py", f"containers/{name}.py": f"containers/{name}"}
        folders = (f"migrations/{name}", f"tests/{name}")
        container, routers = self.project.container, self._routers
        return {
            **{path: (root / path).exists() or (root / other).exists() for path, other in modules.items()},
            **{path: (root / path).exists() for path in folders},
            f"{name} in {container}": name in self.sources.declared(container),
            f"{name}.router in {routers}": self._source(routers).has_element(routers.attribute, f"{name}.router"),
        }

    def _check_surroundings(self) -> None:
        """Raise CommandError where names are missing that the files of a service rely on."""
        # The fixtures of its tests start the application with them.
        self._named(self.project.settings, "settings", "app.settings:Settings")
        container = self.project.container
        path, declared = self.sources.path_of(container), self.sources.declared(container)
        _check(path, {"pool"} - declared, remedy="Declare a `pool` in it, a providers.Resource(SharedPool, …)")
        fields = self.sources.names(_FIELDS)
        _check(_FIELDS, [each for each in _KINDS if each not in fields], remedy="Define it as a new project has it")

    @property
    def _routers(self) -> Name:
        return self._named(self.project.routers, "routers", "app.main:routers")

    def _named(self, name: Name | None, key: str, example: str) -> Name:
        if name is None:
            place = f"{self.project.root / _CONTRACTS} [tool.poolhouse]"
            raise CommandError(f"no {key} are named", place=place, remedy=f'Name them, as {key} = "{example}"')
        return name

    def _source(self, name: Name) -> Source:
        path = self.sources.path_of(name)
        return Source(path, self.sources.text(path))

    def _created(self) -> dict[str, bytes]:
        words, formatter = self._words(), Formatter(self.project.root)
        texts = {
            path.replace("things", self.names.many): render(template, words, self.needs)
            for path, template in service_templates().items()
        }
        # A template that is all about needs, that of ports, comes out empty where there are none.
        return {
            path: (formatter.format(path, text) if path.endswith(".py") else text).encode()
            for path, text in texts.items()
            if text.strip()
        }

    def _words(self) -> dict[str, str]:
        routers = self._routers
        return {
            **self.names.words("things", "thing"),
            "path": self.names.many.replace("_", "-"),
            "routers_module": routers.module,
            "routers": routers.attribute,
        }

    def _edited(self) -> dict[str, bytes]:
        container, routers = self.project.container, self._routers
        # One file may have both.
        sources = {self.sources.path_of(name): self._source(name) for name in (container, routers)}
        self._wire(sources[self.sources.path_of(container)])
        mounted = sources[self.sources.path_of(routers)]
        mounted.add_import("services", self.names.many)
        mounted.add_element(routers.attribute, f"{self.names.many}.router")
        formatter = Formatter(self.project.root)
        texts = {
            path: formatter.format(path, source.text, before=self.sources.text(path))
            for path, source in sources.items()
        }
        texts[_CONTRACTS] = with_service(self.sources.text(_CONTRACTS), f"services.{self.names.many}")
        return {path: text.encode() for path, text in texts.items() if text != self.sources.text(path)}

    def _wire(self, source: Source) -> None:
        name, kind = self.names.many, f"{self._words()['Things']}Container"
        given = "".join(f", {each.service}={each.service}.service" for each in self.needs)
        source.add_import(f"containers.{name}", kind)
        source.add_import("poolhouse.container", "Part")
        source.add_provider(self.project.container.attribute, f"{name} = Part({kind}, pool=pool{given})")


def _check(path: str, missing: Iterable[str], *, remedy: str) -> None:
    for name in missing:
        raise CommandError(f"there is no {name}, which a new service is given", place=path, remedy=remedy)
