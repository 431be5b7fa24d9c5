"""Every error that poolhouse raises.

```text
PoolhouseError
├── Violations
├── ConfigurationError
│   ├── SettingError
│   ├── SettingsError
│   ├── ProfilesError
│   ├── IdentifierError
│   ├── SqlSyntaxError
│   ├── TemplateError
│   └── WiringError
│       ├── ProviderError
│       └── ContainerError
├── RowMappingError
├── PoolError
│   ├── PoolStateError
│   ├── ConnectError
│   │   ├── ServerUnavailableError
│   │   ├── AuthenticationError
│   │   └── DatabaseMissingError
│   ├── PoolExhaustedError
│   ├── SelfDeadlockError
│   ├── RoleError
│   ├── DrainTimeoutError
│   └── ServiceRolesBusyError
├── DatabaseError
│   ├── IntegrityConstraintViolationError
│   │   ├── UniqueViolationError
│   │   ├── ForeignKeyViolationError
│   │   ├── NotNullViolationError
│   │   └── CheckViolationError
│   ├── DataError
│   ├── InsufficientPrivilegeError
│   ├── ReadOnlyError
│   ├── TransactionRollbackError
│   ├── InFailedSqlTransactionError
│   ├── LockNotAvailableError
│   ├── QueryTimeoutError
│   ├── ConnectionLostError
│   └── UsageError
├── MigrationError
│   ├── MigrationFilesError
│   ├── MigrationFileError
│   │   ├── MigrationFolderError
│   │   ├── MigrationNameError
│   │   ├── DuplicateVersionError
│   │   ├── MigrationTextError
│   │   ├── DirectiveError
│   │   ├── TransactionControlError
│   │   └── MigrationDependencyError
│   ├── MigrationDriftError
│   ├── ModifiedMigrationError
│   ├── MissingMigrationError
│   ├── ReplacedMigrationsError
│   ├── LateMigrationError
│   ├── DivergedMigrationsError
│   ├── SchemaDroppedError
│   ├── LedgerError
│   ├── MigrationPendingError
│   ├── MigrationPoolerError
│   ├── MigrationLockError
│   ├── MigrationApplyError
│   ├── MigrationPrivilegeError
│   ├── MigrationReadOnlyError
│   ├── MigrationSchemasError
│   ├── MigrationDirtyError
│   ├── MigrationRepairError
│   ├── MigrationBaselineError
│   ├── MigrationSquashError
│   └── MigrationReplayError
├── ServiceRolesError
├── LifecycleError
│   ├── ScopeError
│   ├── UnfinishedWorkError
│   └── StepTimeoutError
├── BackgroundTaskError
├── EmbeddedServerError
│   ├── BinariesNotFoundError
│   ├── ServerStartError
│   ├── DataDirectoryBusyError
│   └── DataDirectoryUnusableError
├── AddressInUseError
├── ForeignDatabaseError
├── PortError
├── RepeatedQueriesError
├── UnansweredCallError
├── UndoneCommitError
├── CommandError
├── ApplicationRunsError
└── ExtraMissingError
```
"""

from poolhouse.errors._application import (
    AddressInUseError,
    ApplicationRunsError,
    CommandError,
    ExtraMissingError,
)
from poolhouse.errors._base import (
    PoolhouseError,
    Violations,
)
from poolhouse.errors._configuration import (
    ConfigurationError,
    IdentifierError,
    ProfilesError,
    RowMappingError,
    SettingError,
    SettingsError,
    SqlSyntaxError,
    TemplateError,
)
from poolhouse.errors._container import (
    BackgroundTaskError,
    ContainerError,
    LifecycleError,
    ProviderError,
    ScopeError,
    StepTimeoutError,
    UnfinishedWorkError,
    WiringError,
)
from poolhouse.errors._database import (
    CheckViolationError,
    ConnectionLostError,
    DatabaseError,
    DataError,
    ForeignKeyViolationError,
    InFailedSqlTransactionError,
    InsufficientPrivilegeError,
    IntegrityConstraintViolationError,
    LockNotAvailableError,
    NotNullViolationError,
    QueryTimeoutError,
    ReadOnlyError,
    TransactionRollbackError,
    UniqueViolationError,
    UsageError,
)
from poolhouse.errors._embedded import (
    BinariesNotFoundError,
    DataDirectoryBusyError,
    DataDirectoryUnusableError,
    EmbeddedServerError,
    ServerStartError,
)
from poolhouse.errors._migration_drift import (
    DivergedMigrationsError,
    LateMigrationError,
    LedgerError,
    MigrationDriftError,
    MissingMigrationError,
    ModifiedMigrationError,
    ReplacedMigrationsError,
    SchemaDroppedError,
)
from poolhouse.errors._migration_files import (
    DirectiveError,
    DuplicateVersionError,
    MigrationDependencyError,
    MigrationFileError,
    MigrationFilesError,
    MigrationFolderError,
    MigrationNameError,
    MigrationTextError,
    TransactionControlError,
)
from poolhouse.errors._migration_repair import (
    MigrationBaselineError,
    MigrationDirtyError,
    MigrationRepairError,
    MigrationReplayError,
    MigrationSquashError,
)
from poolhouse.errors._migration_runs import (
    MigrationApplyError,
    MigrationLockError,
    MigrationPendingError,
    MigrationPoolerError,
    MigrationPrivilegeError,
    MigrationReadOnlyError,
    MigrationSchemasError,
)
from poolhouse.errors._migrations import (
    MigrationError,
)
from poolhouse.errors._pool import (
    AuthenticationError,
    ConnectError,
    DatabaseMissingError,
    DrainTimeoutError,
    PoolError,
    PoolExhaustedError,
    PoolStateError,
    RoleError,
    SelfDeadlockError,
    ServerUnavailableError,
)
from poolhouse.errors._roles import (
    ServiceRolesBusyError,
    ServiceRolesError,
)
from poolhouse.errors._testing import (
    ForeignDatabaseError,
    PortError,
    RepeatedQueriesError,
    UnansweredCallError,
    UndoneCommitError,
)

__all__ = [
    "AddressInUseError",
    "ApplicationRunsError",
    "AuthenticationError",
    "BackgroundTaskError",
    "BinariesNotFoundError",
    "CheckViolationError",
    "CommandError",
    "ConfigurationError",
    "ConnectError",
    "ConnectionLostError",
    "ContainerError",
    "DataDirectoryBusyError",
    "DataDirectoryUnusableError",
    "DataError",
    "DatabaseError",
    "DatabaseMissingError",
    "DirectiveError",
    "DivergedMigrationsError",
    "DrainTimeoutError",
    "DuplicateVersionError",
    "EmbeddedServerError",
    "ExtraMissingError",
    "ForeignDatabaseError",
    "ForeignKeyViolationError",
    "IdentifierError",
    "InFailedSqlTransactionError",
    "InsufficientPrivilegeError",
    "IntegrityConstraintViolationError",
    "LateMigrationError",
    "LedgerError",
    "LifecycleError",
    "LockNotAvailableError",
    "MigrationApplyError",
    "MigrationBaselineError",
    "MigrationDependencyError",
    "MigrationDirtyError",
    "MigrationDriftError",
    "MigrationError",
    "MigrationFileError",
    "MigrationFilesError",
    "MigrationFolderError",
    "MigrationLockError",
    "MigrationNameError",
    "MigrationPendingError",
    "MigrationPoolerError",
    "MigrationPrivilegeError",
    "MigrationReadOnlyError",
    "MigrationRepairError",
    "MigrationReplayError",
    "MigrationSchemasError",
    "MigrationSquashError",
    "MigrationTextError",
    "MissingMigrationError",
    "ModifiedMigrationError",
    "NotNullViolationError",
    "PoolError",
    "PoolExhaustedError",
    "PoolStateError",
    "PoolhouseError",
    "PortError",
    "ProfilesError",
    "ProviderError",
    "QueryTimeoutError",
    "ReadOnlyError",
    "RepeatedQueriesError",
    "ReplacedMigrationsError",
    "RoleError",
    "RowMappingError",
    "SchemaDroppedError",
    "ScopeError",
    "SelfDeadlockError",
    "ServerStartError",
    "ServerUnavailableError",
    "ServiceRolesBusyError",
    "ServiceRolesError",
    "SettingError",
    "SettingsError",
    "SqlSyntaxError",
    "StepTimeoutError",
    "TemplateError",
    "TransactionControlError",
    "TransactionRollbackError",
    "UnansweredCallError",
    "UndoneCommitError",
    "UnfinishedWorkError",
    "UniqueViolationError",
    "UsageError",
    "Violations",
    "WiringError",
]
