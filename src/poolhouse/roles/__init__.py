"""A PostgreSQL role for each service, with rights on its own schemas and on what it declares to read."""

from poolhouse.roles.establishing import establish_roles
from poolhouse.roles.report import RoleReport

__all__ = ["RoleReport", "establish_roles"]
