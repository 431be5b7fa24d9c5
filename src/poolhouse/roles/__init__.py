"""A PostgreSQL role for each service, with rights on its own schemas and on what it declares to read."""

from poolhouse.roles.establishing import establish_roles
from poolhouse.roles.report import RoleReport, RoleStatus
from poolhouse.roles.standing import role_status

__all__ = ["RoleReport", "RoleStatus", "establish_roles", "role_status"]
