"""The wiring of the whole application."""

from dependency_injector import providers

from containers.orders import OrdersContainer
from containers.payments import PaymentsContainer
from containers.users import UsersContainer
from poolhouse.container import Container, Part
from poolhouse.embedded import EmbeddedPostgres
from poolhouse.pool import SharedPool
from poolhouse.settings import ApplicationSettings


class ApplicationContainer(Container):
    """One server, one pool, all services; each gets what its ports ask for from the service that has it."""

    settings = providers.Dependency(instance_of=ApplicationSettings)
    embedded = providers.Resource(EmbeddedPostgres, settings.provided.embedded)
    server = providers.Selector(
        settings.provided.profile,
        development=embedded,
        test=embedded,
        staging=providers.Object(None),
        production=providers.Object(None),
    )
    pool = providers.Resource(SharedPool, settings.provided.database, server=server)
    users = Part(UsersContainer, pool=pool)
    orders = Part(OrdersContainer, pool=pool, users=users.service)
    payments = Part(PaymentsContainer, pool=pool, orders=orders.service)
