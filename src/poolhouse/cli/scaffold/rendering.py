"""The templates of a service's files, filled in.

`$name` is a word. `<<text>>` stands for as many copies as there are needs, each with the words of its need; what
comes out alike for several is written once, and without needs nothing is. `<<known|text>>` is for the needs that are
asked by an id, and `<<exists|text>><<find|text>><<open|text>>`, some of them in a row, for each need by its kind.
"""

from __future__ import annotations

import re
from string import Template
from typing import TYPE_CHECKING

from poolhouse.cli.scaffold.naming import Names, singular

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from poolhouse.cli.scaffold.sources import Need

_KINDS = re.compile(r"<<(exists|find|open)\|(.*?)>>", re.DOTALL)
_SECTION = re.compile(rf"(?P<kinds>(?:{_KINDS.pattern})+)|<<(?P<known>known\|)?(?P<text>.*?)>>", re.DOTALL)


def render(template: str, words: Mapping[str, str], needs: Sequence[Need]) -> str:
    """Return `template` filled in for a service."""
    known = [each for each in needs if each.is_known]
    # The first parameter of an INSERT is the service's own.
    own = {each: {**words, **_words(each), "nr": f"${known.index(each) + 2 if each.is_known else 0}"} for each in needs}
    words = {**words, "unknown_errors": ", ".join(own[each]["unknown_error"] for each in known)}

    def copies(section: re.Match[str]) -> str:
        by_kind: dict[str, str] = dict(_KINDS.findall(section["kinds"] or ""))
        text, chosen = section["text"] or "", known if section["known"] else needs
        return "".join(dict.fromkeys(_fill(by_kind.get(each.kind, text), {**words, **own[each]}) for each in chosen))

    return _fill(_SECTION.sub(copies, template), words)


def _words(need: Need) -> dict[str, str]:
    words = Names(need.service, singular(need.service)).words("others", "other")
    return {**words, "unknown_error": f"Unknown{words['Other']}Error", "given": need.parameter}


def _fill(text: str, words: Mapping[str, str]) -> str:
    # `safe`, since $1 is PostgreSQL's.
    return Template(text).safe_substitute(words)
