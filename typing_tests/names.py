"""What `poolhouse` itself has, which is the same as what its packages have."""

import poolhouse.container
import poolhouse.embedded
import poolhouse.migrations
import poolhouse.pool
import poolhouse.schema
import poolhouse.settings
from poolhouse import (
    ApplicationSettings,
    Container,
    DatabaseSettings,
    EmbeddedPostgres,
    MigrationSet,
    Part,
    Profile,
    SchemaManager,
    SharedPool,
)

application_settings: type[poolhouse.settings.ApplicationSettings] = ApplicationSettings
container: type[poolhouse.container.Container] = Container
database_settings: type[poolhouse.settings.DatabaseSettings] = DatabaseSettings
embedded: type[poolhouse.embedded.EmbeddedPostgres] = EmbeddedPostgres
migrations: type[poolhouse.migrations.MigrationSet] = MigrationSet
part: type[poolhouse.container.Part[Container]] = Part
profile: type[poolhouse.settings.Profile] = Profile
db: type[poolhouse.schema.SchemaManager] = SchemaManager
pool: type[poolhouse.pool.SharedPool] = SharedPool


# What is wrong

poolhouse.Contianer  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
