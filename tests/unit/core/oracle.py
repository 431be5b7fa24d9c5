"""libpg_query, PostgreSQL's own scanner and parser, as the judge of ours; its byte offsets become characters."""

from itertools import accumulate

import postgast
from postgast import pg_query_pb2

_COMMENTS = {pg_query_pb2.SQL_COMMENT, pg_query_pb2.C_COMMENT}


def tokens_of(sql):
    """The places of the tokens that are not comments, in characters."""
    characters = _characters(sql)
    tokens = postgast.scan(sql).tokens
    return [(characters[token.start], characters[token.end]) for token in tokens if token.token not in _COMMENTS]


def statements_of(sql):
    """The place of each statement by the parser, from its first token to its last, in characters."""
    characters = _characters(sql)
    tokens = tokens_of(sql)
    places = []
    for statement in postgast.parse(sql).stmts:
        start = characters[statement.stmt_location]
        length = statement.stmt_len
        end = characters[statement.stmt_location + length] if length else len(sql)
        inside = [token for token in tokens if start <= token[0] < end]
        places.append((inside[0][0], inside[-1][1]))
    assert len(places) == len(postgast.split(sql, method="parser"))
    return places


def boundaries(sql, tokens):
    """The tokens, as the scanner has them in two points that make no difference to us.

    It has the N of N'' and its literal as two tokens, and literals continued on another line as one.
    """
    split = []
    for start, end in tokens:
        if end > start + 1 and sql[start : start + 2].upper() == "N'":
            split.append((start, start + 1))
            start += 1  # noqa: PLW2901 - the rest of the same token
        previous = split[-1] if split else (0, 0)
        if split and sql[start] == "'" and sql[previous[1] - 1] == "'" and not sql[previous[1] : start].strip():
            split[-1] = (previous[0], end)
        else:
            split.append((start, end))
    return split


def _characters(sql):
    offsets = accumulate((len(character.encode()) for character in sql), initial=0)
    return {offset: index for index, offset in enumerate(offsets)}
