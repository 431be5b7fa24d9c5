"""Names of projects and services, and the forms in which a service's name is written."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

from poolhouse.container import Container
from poolhouse.errors import CommandError

# What a folder, a distribution, a container image, a compose project and a database may all be called.
_PROJECT = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_SERVICE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
# A role's name has a prefix before it, and an index's more behind it.
_LONGEST = 40
_RESERVED = ("poolhouse", "public", "information_schema")
# Plurals that lose more than their s; cases and purchases end as buses do, and are the more common.
_PLURALS = (("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("ies", "y"))
_NO_PLURALS = ("ss", "us", "is")
_VOWELS, _NO_VOWELS = tuple("aeiou"), ("eu", "one", "uni", "us", "ut")


def check_project_name(name: str) -> str:
    """Return `name` if a project can have it; CommandError with a name to take instead."""
    if not _PROJECT.fullmatch(name):
        tried = _suggested(name, "-")
        fact = f"{name!r} is no name for a project: it consists of lower case letters and digits, with single hyphens"
        raise CommandError(fact, remedy=_try(tried, "shop"))
    _check_length(name)
    if name == "poolhouse":
        raise CommandError("a project that needs poolhouse cannot be called so", remedy="Try my-poolhouse")
    return name


def check_service_name(name: str) -> str:
    """Return `name` if a service can have it, as a package, a provider and a schema; else CommandError."""
    if not _SERVICE.fullmatch(name):
        fact = f"{name!r} is no name for a service: it consists of lower case letters, digits and single underscores"
        raise CommandError(fact, remedy=_try(_suggested(name, "_"), "invoices"))
    _check_length(name)
    if keyword.iskeyword(name):
        raise CommandError(f"{name!r} is a word of Python's own", remedy=_try(f"{name}s", "invoices"))
    if name in _RESERVED or name.startswith("pg_"):
        raise CommandError(f"a schema {name!r} is there already, for something else", remedy="Take another name")
    if hasattr(Container, name) or hasattr(Container.instance_type, name):
        raise CommandError(f"every container has a {name!r} of its own", remedy=_try(f"{name}s", "invoices"))
    return name


def singular(name: str) -> str:
    """Return what one of `name` is called, as far as English tells by its end; `entry` where it tells nothing."""
    for plural, single in _PLURALS:
        if name.endswith(plural):
            return name.removesuffix(plural) + single
    is_plural = name.endswith("s") and not name.endswith(_NO_PLURALS)
    return name.removesuffix("s") if is_plural and len(name) > 1 else "entry"


@dataclass(frozen=True, slots=True)
class Names:
    """A service's name, `many`, and what one of its things is called, `one`, as a template is given them."""

    many: str
    one: str

    def words(self, many: str, one: str) -> dict[str, str]:
        """Return every form, under names that begin with `many` and `one`.

        For `gift_cards` as things: things, Things (GiftCards), things_ (gift cards) and Things_ (Gift cards).
        """
        return {**_forms(self.many, many), **_forms(self.one, one), f"a_{one}_": _with_article(_spoken(self.one))}


def _forms(name: str, key: str) -> dict[str, str]:
    spoken, title = _spoken(name), key.capitalize()
    camel = "".join(part.capitalize() for part in name.split("_"))
    return {key: name, title: camel, f"{key}_": spoken, f"{title}_": spoken.capitalize()}


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _with_article(words: str) -> str:
    has_vowel = words.startswith(_VOWELS) and not words.startswith(_NO_VOWELS)
    return f"{'an' if has_vowel else 'a'} {words}"


def _suggested(name: str, joint: str) -> str:
    # Camel case is taken apart too.
    parts = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+", re.sub(r"[^A-Za-z0-9]+", " ", name))
    return joint.join(parts).lower().lstrip("0123456789-_")


def _try(name: str, otherwise: str) -> str:
    return f"Try {name or otherwise}"


def _check_length(name: str) -> None:
    if len(name) > _LONGEST:
        raise CommandError(f"{name!r} has {len(name)} characters", remedy=f"Take a name of at most {_LONGEST}")
