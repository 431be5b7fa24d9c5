"""Templates: what is rendered, what is left alone, and what is refused, where."""

import pickle

import pytest

from poolhouse._core.template import compile_template
from poolhouse.errors import IdentifierError, SqlSyntaxError, TemplateError


def render(text, *, schema="orders", reads=(), **options):
    return compile_template(text, **options).render(schema, reads)


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("TABLE {{tables.lines}}", 'TABLE "orders"."lines"'),
        ("TABLE {{tables.Lines$1}}", 'TABLE "orders"."Lines$1"'),
        ("TABLE {{\n tables\t.\r\n lines }}", 'TABLE "orders"."lines"'),
        ('TABLE {{tables."my ""own"" }} table"}}', 'TABLE "orders"."my ""own"" }} table"'),
        ("TABLE {{tables.orders.lines}}", 'TABLE "orders"."lines"'),
        ('TABLE {{tables."orders"."lines"}}', 'TABLE "orders"."lines"'),
        ("SELECT {{schema}}.total($1)", 'SELECT "orders".total($1)'),
        ("SELECT {{schema}}.f({{tables.a}}.b) -{{tables.c}}.d", 'SELECT "orders".f("orders"."a".b) -"orders"."c".d'),
        ("{{schema}}x", '"orders"x'),
        ("xu&{{schema}}", 'xu&"orders"'),
        ("{{tables.tables}} {{tables.schema}}", '"orders"."tables" "orders"."schema"'),
        ("", ""),
    ],
)
def test_a_placeholder_becomes_a_qualified_quoted_name(text, sql):
    assert render(text) == sql


@pytest.mark.parametrize("schema", ["order", "MySchema", 'say "hi"', "it's", "a b", "$$", "x" * 63])
def test_any_legal_schema_is_quoted(schema):
    quoted = '"' + schema.replace('"', '""') + '"'
    assert render("TABLE {{tables.t}}", schema=schema) == f'TABLE {quoted}."t"'


@pytest.mark.parametrize(
    "text",
    [
        "SELECT '{{1,2},{3,4}}'::int[], '{{tables.x}}'",
        "SELECT E'\\'{{tables.x}}'",
        "SELECT E'a' -- '\n '\\'{{tables.x}}'",
        "SELECT U&'{{schema}}', N'{{schema}}', b'{{'",
        'SELECT 1 AS "{{tables.x}}", U&"{{"',
        "SELECT 1 -- {{tabels.x}} {{",
        "SELECT 1 /* {{ /* {{tables.x}} */ {{ */",
        "SELECT $${{tables.x}}$$, $a${{ $$ $a$",
        "SELECT { } {a} }} { { 1",
    ],
)
def test_text_outside_of_code_and_single_braces_go_through_as_they_are(text):
    assert render(text) == text
    assert render(text + "\n{{schema}}") == text + '\n"orders"'


def test_text_without_placeholders_is_not_even_read():
    assert render("SELECT 'never closed") == "SELECT 'never closed"
    assert render("SELECT '", schema="not\nchecked\n") == "SELECT '"


def test_a_byte_order_mark_is_dropped_since_the_server_takes_it_for_a_letter():
    assert render("\ufeffSELECT 1") == "SELECT 1"
    assert render("\ufeff{{schema}}") == '"orders"'
    assert compile_template("\ufeff {{schema}}").rendering("a").origin(0) == 1


def test_a_declared_table_of_another_schema_is_rendered():
    text = 'TABLE {{tables.users.accounts}}; TABLE {{tables."My Users"."a.b"}}'
    sql = 'TABLE "users"."accounts"; TABLE "My Users"."a.b"'
    assert render(text, reads=["users.accounts", '"My Users"."a.b"']) == sql
    assert render(text, reads={"users.accounts", '"My Users"."a.b"'}) == sql


def test_declaring_one_table_does_not_declare_another_that_is_written_alike():
    with pytest.raises(TemplateError, match="not declared"):
        render('TABLE {{tables.a."b.c"}}', reads=['"a.b".c'])


def test_bodies_are_rendered_on_request_and_everywhere_in_them():
    text = "DO $a$ BEGIN PERFORM '{{schema}}', $$ {{tables.t}} $$; -- {{ schema }}\n END $a$; SELECT '{{schema}}'"
    assert render(text) == text
    assert render(text, bodies=True) == (
        """DO $a$ BEGIN PERFORM '"orders"', $$ "orders"."t" $$; -- "orders"\n END $a$; SELECT '{{schema}}'"""
    )


@pytest.mark.parametrize("schema", ["it's", "a\\b", "a$$b", "a$x$b", "*/", "/*", "a\nb", "a\rb"])
def test_a_name_that_could_break_out_of_its_place_in_a_body_is_refused_there_and_nowhere_else(schema):
    assert render("DO $a$ x $a$; TABLE {{tables.t}}", schema=schema, bodies=True)
    with pytest.raises(TemplateError, match=r"^f:1:7: the name .* could end a literal, a comment or a body") as caught:
        render("DO $a${{tables.t}}$a$", schema=schema, bodies=True, source="f")
    assert caught.value.remedy


@pytest.mark.parametrize("schema", ["a$b", "a--b", 'a"b', "Ünï", "$"])
def test_a_harmless_name_is_rendered_in_a_body(schema):
    quoted = '"' + schema.replace('"', '""') + '"'
    assert render("DO $a$ {{schema}} $a$", schema=schema, bodies=True) == f"DO $a$ {quoted} $a$"


FORMS = "Write {{schema}}, {{tables.NAME}} or {{tables.SCHEMA.NAME}}"


@pytest.mark.parametrize(
    ("placeholder", "fact", "remedy"),
    [
        ("{{tabels.x}}", "{{tabels.x}} is no placeholder", "Did you mean {{tables.x}}?"),
        ("{{ Tables . a . b }}", "{{Tables.a.b}} is no placeholder", "Did you mean {{tables.a.b}}?"),
        ("{{shema}}", "{{shema}} is no placeholder", "Did you mean {{schema}}?"),
        ("{{accounts}}", "{{accounts}} is no placeholder", "For a table, write {{tables.accounts}}"),
        ("{{users.accounts}}", "{{users.accounts}} is no placeholder", "For a table, write {{tables.users.accounts}}"),
        ("{{a.b.c}}", "{{a.b.c}} is no placeholder", FORMS),
        ("{{schema.x}}", "{{schema.x}} takes no name", "For a table, write {{tables.x}}"),
        ('{{"schema"}}', '{{"schema"}} is no placeholder', "Did you mean {{schema}}?"),
        ("{{tables}}", "{{tables}} names no table", FORMS),
        ("{{tables.a.b.c}}", "{{tables.a.b.c}} has more parts than a schema and a table", FORMS),
        ("{{tables.}}", "malformed placeholder {{tables.}}", FORMS),
        ("{{tables..x}}", "malformed placeholder {{tables..x}}", FORMS),
        ("{{}}", "malformed placeholder {{}}", FORMS),
        ("{{ \n }}", "malformed placeholder {{ }}", FORMS),
        ("{{tables.a-b}}", "malformed placeholder {{tables.a-b}}", FORMS),
        ("{{tables.1a}}", "malformed placeholder {{tables.1a}}", FORMS),
        ("{{tables.a b}}", "malformed placeholder {{tables.a b}}", FORMS),
        ("{{tables.'a'}}", "malformed placeholder {{tables.'a'}}", FORMS),
        ("{{{schema}}}", "malformed placeholder {{{schema}}", FORMS),
        ("{{" + "x y" * 99 + "}}", "malformed placeholder {{" + ("x y" * 99)[:58] + "...", FORMS),
        ("{{tables.x", "'{{' is never closed", "Close it with '}}'"),
        ("{{tables.x} }", "'{{' is never closed", "Close it with '}}'"),
        ('{{tables."x}}', "'{{' is never closed", "Close it with '}}'"),
        ("{{tables.x WHERE {{schema}}", "'{{' is never closed", "Close it with '}}'"),
        ("{{", "'{{' is never closed", "Close it with '}}'"),
        (
            '{{tables.""}}',
            "{{tables.\"\"}}: '' is not a legal identifier",
            "Give it at least one character",
        ),
        ('{{tables."a "}}', "{{tables.\"a \"}}: 'a ' is not a legal identifier: it starts or ends with", "Write 'a'"),
        ("{{tables.é" + "x" * 63 + "}}", "{{tables.éx", "Shorten it"),
        ('{{schema}}"x"', "{{schema}} touches a quoted identifier", "Put white space between them"),
        ('"x"{{schema}}', "{{schema}} touches a quoted identifier", "Put white space between them"),
        ("{{schema}}{{schema}}", "{{schema}} touches a quoted identifier or another placeholder", "Put white space"),
        ("U&{{schema}}", "{{schema}} touches a quoted identifier", "Put white space between them"),
    ],
)
@pytest.mark.parametrize("bodies", [False, True])
def test_a_wrong_placeholder_is_refused_at_its_place_with_a_remedy(placeholder, fact, remedy, bodies):
    head = "-- {{ a licence\r\nSELECT 'é{{', $$" if bodies else "-- {{ a licence\r\nSELECT 'é{{',   "
    text = f"{head}{placeholder} $$" if bodies else head + placeholder
    offset = max(placeholder.find("{{"), 0)
    with pytest.raises(TemplateError) as caught:
        compile_template(text, source="users/0001.sql", bodies=bodies)
    error = caught.value
    assert error.fact.startswith(fact)
    assert error.remedy.startswith(remedy)
    assert (error.source, error.line, error.column) == ("users/0001.sql", 2, 17 + offset)
    assert str(error).startswith(f"users/0001.sql:2:{17 + offset}: {fact}")


@pytest.mark.parametrize(
    ("placeholder", "reads", "remedy"),
    [
        ("{{tables.users.accounts}}", [], 'Declare it with reads=["users.accounts"]'),
        (
            "{{ tables.users.acounts }}",
            ["users.accounts", "users.names"],
            'Declare it with reads=["users.acounts"]; or did you mean {{tables.users.accounts}}?',
        ),
        ("{{tables.order.t}}", [], 'Declare it with reads=["order.t"]; or did you mean {{tables.orders.t}}?'),
        ('{{tables."My Users".é}}', [], r'Declare it with reads=["\"My Users\".é"]'),
    ],
)
def test_an_undeclared_read_is_refused_with_the_declaration_that_allows_it(placeholder, reads, remedy):
    template = compile_template(f"SELECT 1;\n  TABLE {placeholder}", source="report")
    with pytest.raises(TemplateError, match="not declared") as caught:
        template.render("orders", reads)
    assert caught.value.remedy == remedy
    assert caught.value.place == "report:2:9"
    with pytest.raises(TemplateError):
        template.rendering("orders", reads)


@pytest.mark.parametrize("reads", [["accounts"], "users.accounts", ["a.b.c"], ["a.b "]])
def test_a_malformed_declaration_is_refused(reads):
    with pytest.raises(IdentifierError):
        render("TABLE {{tables.t}}", reads=reads)


def test_an_illegal_schema_is_refused():
    with pytest.raises(IdentifierError, match=r"'orders\\n' is not a legal identifier"):
        render("TABLE {{tables.t}}", schema="orders\n")


def test_text_that_does_not_lex_is_refused_with_its_source():
    with pytest.raises(SqlSyntaxError, match=r"^query:1:19: a literal does not end"):
        compile_template("SELECT {{schema}}.'", source="query")


def test_errors_survive_pickling():
    with pytest.raises(TemplateError) as caught:
        compile_template("\n{{tabels.x}}", source="f")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.line, copy.column) == (str(caught.value), 2, 1)


def test_an_offset_in_the_sql_leads_back_to_the_template():
    text = "SELECT {{tables.t}}.id {{schema}}"
    rendering = compile_template(text).rendering("o")
    assert rendering.sql == 'SELECT "o"."t".id "o"'
    assert [rendering.origin(offset) for offset in (0, 6, 7, 13, 14, 17, 18, 20, 21)] == [
        0,
        6,
        7,
        7,
        19,
        22,
        23,
        23,
        33,
    ]
    assert (rendering.origin(-5), rendering.origin(99)) == (0, len(text))


def test_the_offset_of_text_without_placeholders_is_its_own():
    rendering = compile_template("SELECT 1").rendering("o")
    assert [rendering.origin(offset) for offset in range(9)] == list(range(9))
    assert rendering.sql == "SELECT 1"


def test_a_template_is_compiled_once_and_rendered_once_for_a_schema():
    text = "TABLE {{tables.compiled_once}}"
    assert compile_template(text) is compile_template(text)
    assert compile_template(text).render("a") is compile_template(text).render("a")
    assert compile_template(text).render("b") == 'TABLE "b"."compiled_once"'


def test_the_same_text_from_another_source_or_with_bodies_is_another_template():
    text = "DO $${{schema}}$$"
    assert compile_template(text, source="a").source == "a"
    assert compile_template(text, source="b").source == "b"
    assert render(text, bodies=True) != render(text)


def test_what_was_declared_for_one_service_is_not_declared_for_another():
    template = compile_template("TABLE {{tables.users.accounts}} -- cached")
    assert template.render("orders", ["users.accounts"]) == 'TABLE "users"."accounts" -- cached'
    with pytest.raises(TemplateError):
        template.render("orders")


def test_a_repr_shows_the_text_and_where_it_is_from():
    assert repr(compile_template("TABLE {{tables.t}}", source="f")) == "Template(text='TABLE {{tables.t}}', source='f')"
