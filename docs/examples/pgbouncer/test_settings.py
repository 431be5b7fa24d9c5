from __future__ import annotations

from poolhouse import DatabaseSettings


def test_migrations_can_go_past_the_pooler():
    # begin: settings
    settings = DatabaseSettings(
        dsn="postgresql://shop@pgbouncer:6432/shop",
        migration_dsn="postgresql://shop@postgres:5432/shop",
    )
    # end: settings
    assert "6432" in settings.dsn.get_secret_value()
    assert "5432" in settings.migration_dsn.get_secret_value()
