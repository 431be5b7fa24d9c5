from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse._core.masking import MASK, mask_text, names_a_secret


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://me:geheim@db.example/shop", "me@db.example/shop"),
        ("redis://:geheim@cache.example/0", f"redis://{MASK}@cache.example/0"),
        ("https://geheim@git.example/x", f"https://{MASK}@git.example/x"),
        ("a http://a:geheim@b and more", f"a http://{MASK}@b and more"),
        ("host=a password=geheim user=b", f"host=a password={MASK} user=b"),
        ("password = 'ge heim' user=b", f"password = {MASK} user=b"),
        ("https://a.example/?api_key=geheim&page=2", f"https://a.example/?api_key={MASK}&page=2"),
        ("plain text", "plain text"),
    ],
)
def test_passwords_in_a_text_are_masked(text, expected):
    assert mask_text(text) == expected


@given(st.text(st.characters(codec="ascii", exclude_categories=("Cc", "Z")), min_size=1), st.sampled_from(["", "user"]))
def test_whatever_the_password_of_a_url_is_it_is_not_shown(password, user):
    secret = f"<{password}>"
    assert secret not in mask_text(f"amqp://{user}:{secret}@broker.example/vhost")


@pytest.mark.parametrize(
    "name",
    ["password", "db_passwd", "apiKey", "Api-Key", "Authorization", "API_KEY", "client_secret", "private_key", "TOKEN"],
)
def test_names_of_secrets_are_known(name):
    assert names_a_secret(name)


@pytest.mark.parametrize("name", ["host", "monkey", "keyboard", "primary_key", "compass"])
def test_other_names_are_not(name):
    assert not names_a_secret(name)
