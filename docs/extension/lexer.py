"""Colours for SQL that has placeholders in it."""

from __future__ import annotations

from typing import ClassVar

from pygments.lexer import inherit
from pygments.lexers.sql import PostgresLexer
from pygments.token import Name


class TemplateLexer(PostgresLexer):
    """PostgreSQL's SQL, and `{{tables.name}}`."""

    name = "SQL template"
    aliases: ClassVar = ["sql"]
    tokens: ClassVar = {"root": [(r"\{\{.*?\}\}", Name.Variable), inherit]}
