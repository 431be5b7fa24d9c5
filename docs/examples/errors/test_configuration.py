"""Errors of what is written down, each raised for its section."""

from __future__ import annotations

from dataclasses import dataclass

from app.settings import Settings
from poolhouse import SchemaManager
from poolhouse.cli.application import Application
from poolhouse.cli.check import check
from poolhouse.errors import (
    ConfigurationError,
    IdentifierError,
    ProfilesError,
    RowMappingError,
    SettingError,
    SettingsError,
    SqlSyntaxError,
    TemplateError,
)


@dataclass
class Order:
    id: int
    total: int


async def test_a_declared_read_without_a_schema(pool, told):
    with told(ConfigurationError):
        SchemaManager(pool, schema="reports", reads=["accounts"])


def test_settings(told, monkeypatch):
    monkeypatch.setenv("APP_HTTP__PORT", "eighty")
    monkeypatch.setenv("APP_HTTP__PROT", "8000")
    with told(SettingsError) as raised:
        Settings()
    told.shows(SettingError, raised.value.violations[0])


async def test_profiles(told, monkeypatch):
    monkeypatch.setenv("APP_DATABASE__MAX_SIZE", "0")
    with told(ProfilesError):
        await check(Application(), all_profiles=True)


async def test_a_name_that_postgresql_cannot_hold(pool, told):
    with told(IdentifierError):
        SchemaManager(pool, schema="orders ")


async def test_sql_without_an_end(pool, told):
    with told(SqlSyntaxError):
        await SchemaManager(pool, schema="orders").fetch("SELECT id FROM {{tables.orders}}\nWHERE note = 'it''s")


async def test_a_placeholder_that_is_not_declared(pool, told):
    with told(TemplateError):
        await SchemaManager(pool, schema="orders").fetch("SELECT id\nFROM {{tables.users.accounts}}")


async def test_a_row_that_does_not_fit_its_class(pool, told):
    with told(RowMappingError):
        await SchemaManager(pool, schema="orders").fetch("SELECT 1 AS id, 2 AS totla", into=Order)
