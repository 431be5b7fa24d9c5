CREATE TABLE {{tables.head}} (
    module text NOT NULL,
    schema_name text NOT NULL,
    version bigint NOT NULL,
    digest bytea NOT NULL,
    dirty boolean NOT NULL DEFAULT false,
    folder_digest bytea,
    PRIMARY KEY (module, schema_name)
);

COMMENT ON TABLE {{tables.head}} IS 'The latest state of each module in each schema; all that a start without pending migrations reads.';
COMMENT ON COLUMN {{tables.head}}.digest IS 'Hash of the chain of all applied versions and checksums.';
COMMENT ON COLUMN {{tables.head}}.folder_digest IS
    'Hash of the folder when all of its files, and nothing else, was applied, and the digest then; null where not known.';

CREATE TABLE {{tables.ledger}} (
    schema_name text NOT NULL,
    module text NOT NULL,
    version bigint NOT NULL,
    name text NOT NULL,
    checksum bytea NOT NULL,
    raw_checksum bytea NOT NULL,
    kind text NOT NULL DEFAULT 'versioned',
    state text NOT NULL CHECK (state IN ('applied', 'running', 'failed', 'baselined')),
    steps_done integer NOT NULL,
    steps_total integer NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    applied_by text NOT NULL DEFAULT current_user,
    application_version text,
    error text,
    PRIMARY KEY (schema_name, module, version)
);

COMMENT ON TABLE {{tables.ledger}} IS 'Every migration, once for each schema it was applied to.';
COMMENT ON COLUMN {{tables.ledger}}.checksum IS 'Hash of the tokens outside comments and white space, before rendering.';

CREATE TABLE {{tables.event}} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL,
    schema_name text NOT NULL,
    module text NOT NULL,
    version bigint NOT NULL,
    name text NOT NULL,
    caused_by text NOT NULL DEFAULT current_user,
    detail text
);

COMMENT ON TABLE {{tables.event}} IS 'What happened to the ledger, in order; rows are only ever added.';
