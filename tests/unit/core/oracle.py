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


def _characters(sql):
    offsets = accumulate((len(character.encode()) for character in sql), initial=0)
    return {offset: index for index, offset in enumerate(offsets)}
