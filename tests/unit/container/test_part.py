from __future__ import annotations

from dependency_injector import providers

from poolhouse.container import Container, Part


class Users:
    def __init__(self, region):
        self.region = region


class UsersContainer(Container):
    region = providers.Dependency()
    service = providers.Factory(Users, region)


class Application(Container):
    region = providers.Object("eu")
    users = Part(UsersContainer, region=region)
    names = providers.Factory(list, providers.List(users.service))


def test_a_part_is_a_container_provider_and_every_application_has_its_own():
    application, other = Application(), Application()
    assert isinstance(application.users, providers.Container)
    assert isinstance(application.users, Part)
    assert application.users.service is not other.users.service


def test_what_is_given_to_a_part_fills_its_dependencies():
    application = Application(region=providers.Object("us"))
    assert application.users.service().region == "us"
    assert [user.region for user in application.names()] == ["us"]
    assert application.validate() == ()


async def test_a_provider_of_a_part_is_overridden_for_whoever_needs_it():
    application, fake = Application(), Users("nowhere")
    async with application.overriding(application.users.service, fake):
        assert application.names() == [fake]
    assert application.names()[0] is not fake
