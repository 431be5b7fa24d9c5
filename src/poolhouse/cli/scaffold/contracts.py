"""import-linter's list of services that do not know each other, in pyproject.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from poolhouse._core.extras import needing

with needing("tomlkit", extra="scaffold"):
    import tomlkit
    from tomlkit.items import Array

if TYPE_CHECKING:
    from collections.abc import Iterator


def with_service(text: str, service: str) -> str:
    """Return a pyproject.toml whose contracts of independence list `services.NAME` wherever they list others so."""
    document = tomlkit.parse(text)
    for modules in _lists(document):
        listed = [str(each) for each in modules]
        if any(each.startswith("services.") for each in listed) and not {service, "services.*"} & {*listed}:
            if "\n" in modules.as_string():
                modules.add_line(service)
            else:
                modules.append(service)
    return tomlkit.dumps(document)


def _lists(document: Any) -> Iterator[Any]:
    contracts = document.get("tool", {}).get("importlinter", {}).get("contracts", [])
    for contract in contracts:
        modules = contract.get("modules") if contract.get("type") == "independence" else None
        if isinstance(modules, Array):
            yield modules
