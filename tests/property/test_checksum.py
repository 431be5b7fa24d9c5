"""What changes a checksum, and what does not."""

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from poolhouse._core.checksum import canonical_checksum
from tests.property.sql_text import BODIES, CODE, ESCAPED, LITERALS, QUOTED, TRIVIA, placeholders

TOKENS = st.one_of(LITERALS, ESCAPED, QUOTED, BODIES, CODE, placeholders("s").map(lambda piece: piece.text))


@st.composite
def laid_out(draw, tokens):
    """The same tokens with any comments and white space around them."""
    trivia = [draw(TRIVIA) for _ in range(len(tokens) + 1)]
    text = trivia[0] + "".join(token + after for token, after in zip(tokens, trivia[1:], strict=True))
    return draw(st.sampled_from(["", "\ufeff"])) + text


@given(st.data(), st.lists(TOKENS, max_size=10))
def test_layout_and_comments_do_not_change_it(data, tokens):
    assert canonical_checksum(data.draw(laid_out(tokens))) == canonical_checksum(data.draw(laid_out(tokens)))


@given(st.data(), st.lists(TOKENS, max_size=10))
def test_line_ends_do_not_change_it(data, tokens):
    # A carriage return before a line end would be read as a part of it.
    text = re.sub("\r+\n", "\n", data.draw(laid_out(tokens)))
    assert canonical_checksum(text.replace("\n", "\r\n")) == canonical_checksum(text)


@given(st.data(), st.lists(TOKENS, min_size=1, max_size=10), TOKENS)
def test_another_token_changes_it(data, tokens, other):
    place = data.draw(st.integers(0, len(tokens) - 1))
    assume(normal(tokens[place]) != normal(other))
    changed = [*tokens[:place], other, *tokens[place + 1 :]]
    assert canonical_checksum(data.draw(laid_out(changed))) != canonical_checksum(data.draw(laid_out(tokens)))


def normal(token):
    token = token.replace("\r\n", "\n")
    return "".join(token.split()) if token.startswith("{{") else token


@given(st.data(), st.lists(TOKENS, min_size=1, max_size=10))
def test_a_missing_token_changes_it(data, tokens):
    place = data.draw(st.integers(0, len(tokens) - 1))
    assert canonical_checksum(" ".join(tokens[:place] + tokens[place + 1 :])) != canonical_checksum(" ".join(tokens))


@given(st.data(), st.lists(TOKENS, min_size=2, max_size=10))
def test_another_order_changes_it(data, tokens):
    other = data.draw(st.permutations(tokens))
    assume([normal(token) for token in other] != [normal(token) for token in tokens])
    assert canonical_checksum(" ".join(other)) != canonical_checksum(" ".join(tokens))
