"""Generated SQL: pieces whose nature is known because they were made, not because they were read."""

import unicodedata
from typing import NamedTuple

from hypothesis import strategies as st

# What the lexer could trip over, inside and outside of everything.
_TRAPS = r"""
    ' '' " \ \' $ $$ $a$ -- /* */ ; ( ) é { } {{ }} {{}} {{schema}} {{tables.t}} {{tables.users.accounts}} {{tabels.x}}
    {{tables. a B e E' U&' u&" n 1 1. .5 $1 + - / * @ < > = : , . SELECT create FUNCTION or begin ATOMIC end
"""
TRAPS = [*_TRAPS.split(), "\n", "\r\n", "\r", " "]
_SIGNS = {ord("a") + number: trap for number, trap in enumerate(TRAPS)}


def _traps(max_size):
    # Hypothesis makes a text in one step, and a list in three for each of its elements.
    return st.text(st.sampled_from([*map(chr, _SIGNS)]), max_size=max_size).map(lambda text: text.translate(_SIGNS))


DIRTY = st.builds("{}{}{}".format, _traps(4), st.text(max_size=2), _traps(4))
ANYTHING = st.builds("{}{}{}".format, _traps(4), st.text(max_size=3), _traps(30)).map(
    lambda text: text.replace("\0", "")
)

_CODE = "SELECT a$b$ é x 1 1.5e3 0x1F .. $1 + <-> @- :: ( ) ; , { } $"
CODE = st.sampled_from(_CODE.split())


class Piece(NamedTuple):
    """A piece of a template: its text, and its rendering for the schema of the test, None where it stays as it is."""

    text: str
    rendered: str | None = None


def _without(*closers):
    """Dirty text in which nothing that would end the piece occurs."""

    def clean(text):
        text = text.replace("\0", "")
        while any(closer in text for closer in closers):
            for closer in closers:
                text = text.replace(closer, "")
        return text

    return DIRTY.map(clean)


def _doubled(quote):
    return DIRTY.map(lambda text: text.replace("\0", "").replace(quote, quote * 2))


LITERALS = st.builds("{}'{}'".format, st.sampled_from(["", "", "N", "U&"]), _doubled("'"))
# A word follows, lest the next literal be read as the continuation of this one, backslashes included.
ESCAPED = _without("\\").map(lambda text: "E'" + text.replace("'", "\\'").replace("\n", "\\\\\\n") + "\\'' x")
QUOTED = _doubled('"').map(lambda text: f'"q{text}"')
LINE_COMMENTS = _without("\n", "\r").map(lambda text: f"--{text}\n")
BLOCK_COMMENTS = _without("*", "/").map(lambda text: f"/*{text}/*{text}*/'*/")
BODIES = st.builds(lambda tag, text: f"${tag}${text}${tag}$", st.sampled_from(["", "a", "é_1"]), _without("$"))
UNTOUCHABLE = st.one_of(LITERALS, ESCAPED, QUOTED, LINE_COMMENTS, BLOCK_COMMENTS, BODIES)
# A comment has white space before it, lest a sign before it become a part of it.
_SPACED_COMMENTS = st.one_of(LINE_COMMENTS, BLOCK_COMMENTS).map(lambda comment: f" {comment}")
TRIVIA = st.one_of(st.sampled_from([" ", "\n", "\t", "\r\n", "\r", "\f", " \n "]), _SPACED_COMMENTS)

INVISIBLE = ["Cc", "Zs", "Zl", "Zp"]
_VISIBLE = st.characters(exclude_categories=["Cs", *INVISIBLE])
IDENTIFIERS = (
    st.builds(
        lambda first, middle, last: f"{first}{middle}{last}",
        _VISIBLE | st.sampled_from(["order", '"', "$$", "{{", "'", "--"]),
        DIRTY.map(lambda text: text.replace("\0", "")),
        _VISIBLE | st.sampled_from(["", '"', "$$", "}}", "*/"]),
    )
    .filter(lambda name: len(name.encode()) <= 63)
    .filter(lambda name: unicodedata.category(name[-1]) not in INVISIBLE)
)


def quoted(name):
    """How PostgreSQL quotes a name."""
    return '"' + name.replace('"', '""') + '"'


@st.composite
def placeholders(draw, schema, reads=()):
    """A placeholder as a piece."""
    space = st.sampled_from(["", "", " ", "\n\t", "\r\n"])
    form = draw(st.sampled_from(["schema", "table", "own", *(["read"] if reads else [])]))
    if form == "schema":
        parts, rendered = ["schema"], quoted(schema)
    else:
        place, name = draw(st.sampled_from(reads)) if form == "read" else (schema, draw(IDENTIFIERS))
        written = [quoted(name)] if form == "table" else [quoted(place), quoted(name)]
        parts, rendered = ["tables", *written], f"{quoted(place)}.{quoted(name)}"
    inside = f"{draw(space)}.{draw(space)}".join(parts)
    return Piece("{{" + draw(space) + inside + draw(space) + "}}", rendered)


@st.composite
def templates(draw, untouchable=UNTOUCHABLE):
    """A schema, the reads of its service, and the pieces of a template, with white space between all of them."""
    schema = draw(IDENTIFIERS)
    reads = draw(st.lists(st.tuples(IDENTIFIERS, IDENTIFIERS), max_size=2))
    piece = st.one_of(placeholders(schema, reads), untouchable.map(Piece), CODE.map(Piece))
    pieces = draw(st.lists(piece, max_size=12))
    space = st.sampled_from([" ", "\n", "\r\n", "\t"]).map(Piece)
    return schema, reads, [part for piece in pieces for part in (piece, draw(space))]
