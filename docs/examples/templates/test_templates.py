from __future__ import annotations

from poolhouse import SchemaManager, SharedPool


def test_placeholders_become_names_and_values_stay_beside(database_settings):
    pool = SharedPool(database_settings)
    # begin: render
    db = SchemaManager(pool, schema="orders", reads=["users.accounts"])

    assert db.render("SELECT * FROM {{tables.lines}} WHERE sku = $1") == 'SELECT * FROM "orders"."lines" WHERE sku = $1'
    assert db.render("SELECT nextval('{{schema}}.numbers')") == "SELECT nextval('{{schema}}.numbers')"
    assert db.render("TABLE {{tables.users.accounts}}") == 'TABLE "users"."accounts"'
    # end: render
    assert db.render('TABLE {{tables."Odd name"}}') == 'TABLE "orders"."Odd name"'
    assert db.render("SELECT '{{schema}}', {{schema}}.f()") == "SELECT '{{schema}}', \"orders\".f()"
