"""What differs between the environments that the application is run in."""

from __future__ import annotations

import pytest

from app.main import routers
from app.settings import Settings
from containers.application import ApplicationContainer
from poolhouse.settings import Profile


def container_in(profile):
    settings = Settings(_env_file=None, profile=profile, database={"dsn": "postgresql://nowhere.invalid/shop"})
    return ApplicationContainer(settings=settings)


@pytest.mark.parametrize("profile", Profile)
def test_nothing_is_wrong_with_the_wiring_in_any_profile(profile):
    assert container_in(profile).validate(*routers) == ()


@pytest.mark.parametrize("profile", Profile)
def test_where_users_are_served_there_is_no_embedded_postgresql(profile):
    assert (container_in(profile).server() is not None) is profile.allows_embedded


@pytest.mark.parametrize("profile", Profile)
def test_only_production_keeps_its_description_to_itself(profile):
    assert container_in(profile).settings().http.docs is (profile is not Profile.PRODUCTION)
