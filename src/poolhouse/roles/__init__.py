"""A PostgreSQL role for each service, with rights on its own schemas and on what it declares to read."""

from poolhouse.roles.establishing import establish_roles
from poolhouse.roles.expecting import ExpectedRights, expected_rights
from poolhouse.roles.report import RoleReport, RoleStatus
from poolhouse.roles.standing import role_status

__all__ = ["ExpectedRights", "RoleReport", "RoleStatus", "establish_roles", "expected_rights", "role_status"]
