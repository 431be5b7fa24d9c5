from __future__ import annotations

import pytest

from poolhouse.cli.scaffold.contracts import with_service

CONTRACT = '[[tool.importlinter.contracts]]\ntype = "{type}"  # why\nmodules = {modules}\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('["services.users"]', '["services.users", "services.notes"]'),
        ('[\n    "services.users", # first\n]', '[\n    "services.users", # first\n    "services.notes",\n]'),
        ('["services.users", "services.notes"]', '["services.users", "services.notes"]'),
        ('["services.*"]', '["services.*"]'),
        ('["app", "containers"]', '["app", "containers"]'),
    ],
)
def test_a_service_is_listed_once_where_others_are(before, after):
    text = CONTRACT.format(type="independence", modules=before)
    assert with_service(text, "services.notes") == CONTRACT.format(type="independence", modules=after)


@pytest.mark.parametrize(
    "text", ["", "[tool.importlinter]\n", CONTRACT.format(type="layers", modules='["services.a"]')]
)
def test_what_has_no_list_of_services_stays_as_it_is(text):
    assert with_service(text, "services.notes") == text
