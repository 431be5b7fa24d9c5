"""More than a thousand statements: the forms of all kinds, filled in with names, literals and bodies full of traps."""

import random
import re
from pathlib import Path

_CHOICE = re.compile("<([^<>]*)>")
_FILLING = re.compile(r"\{(\w+)\}")
# The parser looks at the word after these, where libpg_query, other than the server, may see a comment.
_LOOKS_AHEAD = re.compile(r"\b(?:FORMAT|NOT|NULLS|WITH|WITHOUT)$", re.IGNORECASE)
_LEAST_VARIANTS = 6

# Put between any two words. Where a literal stands before a line end, no form has another one behind it, which would
# be the same literal to the server.
_GAPS = [" "] * 8 + [
    "\n",
    "\t",
    "\r\n",
    " /* ; */ ",
    "/*'*/",
    " /* /* $$ */ ; */\n",
    " -- ;\n",
    " -- don't \"\n",
    "\r--$$\r",
]

_NAMES = ["users", "Orders", "begin", "atomic", "schöma", "a$b$", "é$", "_1", "procedure", "function"]
_NAMES += [
    '"we;ird"',
    '"a"";""b"',
    '"$$"',
    '"--"',
    '"/*"',
    '"it\'s;"',
    '"begin"',
    '"END"',
    r'U&"d\0061;t"',
    '"\N{SNOWMAN}\n;"',
]
_ROLES = ["alice", "begin", '"ro;le"', '"CURRENT_USER;"', r'u&"\0061;"']
_TYPES = ["int", "text", "varchar(10)", "numeric(5, 2)", "timestamp with time zone", "double precision", "int[]"]
_TYPES += ["my.type", '"ty;pe"', '"s;"."t;"', "atomic", "begin", "interval day to second(3)", "int ARRAY[3]"]
_LITERALS = [
    "'a;b'",
    "''",
    "'it''s; fine'",
    r"'\'",
    r"E'\';'",
    r"e'\\'",
    "'a'\n';b'",
    "E'a'\r\n  '\\';b'",
    "'-- ; /* $$'",
    "U&'d\\0061;'",
    "U&'d!0061;' UESCAPE '!'",
    "$$;$$",
    "$a$ $$;$$ ' \" /* $a$",
    "$é$\n;--\n$é$",
    "'\N{SNOWMAN};\n'",
    "$body$ BEGIN PERFORM ';'; END; $body$",
    "$q$SELECT $$a;$$ || E'\\';'$q$",
    "'{{ 1; }'",
    "';'';'",
]
_CONSTANTS = [literal for literal in _LITERALS if "UESCAPE" not in literal]
_EXPRESSIONS = [
    "1",
    "-1.5e-3",
    "0x_1F",
    "$1",
    "'x;y'",
    "now()",
    "NULL",
    "a.b[1]",
    "(SELECT ';')",
    "(NOT true)",
    "f(';', 1)",
    "ARRAY[1, 2]",
    "(1)",
    "CASE WHEN true THEN ';' ELSE 'end' END",
    "CASE a WHEN 1 THEN CASE WHEN b THEN 2 END END",
    "x'1F;'::text",
    "(a - -b)",
    "(a @- 1)",
    "(a <->/*;*/ b)",
    "(1 +-- ;\n 2)",
    "(a #>> '{;}')",
    "(DATE '2020-01-01')",
    "B'01'",
    "N'n;'",
    '(";" || $$;$$)',
    "(a ? ';')",
    "(a::int[])",
    "begin.atomic",
    "(E'\\';' || E'\\\\')",
    "1_000",
    ".5",
    "(1.)",
    "(ROW(1, ';'))",
]
_QUERIES = [
    "SELECT 1",
    "SELECT ';' AS \"a;b\"",
    "VALUES (';'), ($$;$$)",
    'TABLE "t;"',
    "SELECT CASE WHEN a THEN 1 END FROM t",
    "SELECT begin atomic FROM t",
    "WITH a AS (SELECT ';') SELECT * FROM a",
    "(SELECT (1)) UNION SELECT 2",
    "SELECT 1 end",
    "SELECT a FROM b WHERE c = E'\\';' GROUP BY a",
    "SELECT 1 -- ;\n + 2",
    "SELECT /* ; */ 1",
    "SELECT a$$, b FROM c",
]
_OPERATORS = ["+", "<->", "@@", "===", "~~*", "&&", "@#@", "|/", "!=-", "<%", "->>", "#>>", "^@", "?|"]
_DEFINITIONS = [
    "LANGUAGE sql AS {literal}",
    "AS {literal} LANGUAGE plpgsql",
    "RETURN {expression}",
    "BEGIN ATOMIC END",
    "BEGIN ATOMIC {query}; END",
    "BEGIN ATOMIC ; {query};; INSERT INTO {object} VALUES ({expression}); END",
    "BEGIN ATOMIC SELECT CASE WHEN true THEN {expression} END; UPDATE {object} SET {name} = {expression}; END",
    "LANGUAGE sql BEGIN ATOMIC RETURN {expression}; END",
    "BEGIN ATOMIC SELECT begin atomic FROM {object}; SELECT 1 end; END",
]
_QUALIFIED = ["{name}", "{name}.{name}", "{name} . {name}"]
_ROUTINES = ["{object}()", "{object}({type})", "{object}(IN {name} {type}, OUT {type})", "{object}"]

_FILLINGS = {
    "name": _NAMES,
    "object": _QUALIFIED,
    "role": _ROLES,
    "type": _TYPES,
    "literal": _LITERALS,
    "constant": _CONSTANTS,
    "expression": _EXPRESSIONS,
    "query": _QUERIES,
    "operator": _OPERATORS,
    "definition": _DEFINITIONS,
    "routine": _ROUTINES,
    "label": ['AS "a;b"', "label", "AS end", "AS begin"],
}


def _read(text):
    kinds = {}
    for line in text.splitlines():
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        match len(line) - len(line.lstrip()):
            case 0:
                forms = kinds[words] = []
            case 4:
                forms.append(words)
            case _:
                forms[-1] += f" {words}"
    return kinds


KINDS = _read(Path(__file__).with_name("statement_kinds.txt").read_text())


def corpus(kind):
    """All statements of a kind; each alternative of each choice occurs in one of them, and they are always the same."""
    chance = random.Random(kind)
    for form in KINDS[kind]:
        choices = [[option.strip() for option in choice.split("|")] for choice in _CHOICE.findall(form)]
        for variant in range(max(_LEAST_VARIANTS, *map(len, choices), 0)):
            picks = iter([options[(variant + 3 * place) % len(options)] for place, options in enumerate(choices)])
            chosen = _CHOICE.sub(lambda _, picks=picks: next(picks), form)
            yield _filled(chosen, chance)


def _filled(form, chance):
    spaced = ""
    for word in form.split():
        if spaced:
            spaced += " " if _LOOKS_AHEAD.search(spaced) else chance.choice(_GAPS)
        spaced += word.lower() if chance.random() < 0.2 else word
    while _FILLING.search(spaced):
        spaced = _FILLING.sub(lambda match: chance.choice(_FILLINGS[match[1]]), spaced)
    return spaced
