-- Repeatable migrations have no version, so that no version can be part of the key. There is one all the same: logical
-- replication needs it.
ALTER TABLE {{tables.ledger}} DROP CONSTRAINT ledger_pkey;
ALTER TABLE {{tables.ledger}} ALTER COLUMN version DROP NOT NULL;
ALTER TABLE {{tables.ledger}} ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;
CREATE UNIQUE INDEX ledger_versioned ON {{tables.ledger}} (schema_name, module, version) WHERE version IS NOT NULL;
CREATE UNIQUE INDEX ledger_repeatable ON {{tables.ledger}} (schema_name, module, name) WHERE version IS NULL;

ALTER TABLE {{tables.ledger}} DROP CONSTRAINT ledger_state_check;
ALTER TABLE {{tables.ledger}} ADD CONSTRAINT ledger_state_check
    CHECK (state IN ('applied', 'running', 'failed', 'baselined', 'withdrawn'));
ALTER TABLE {{tables.ledger}} ADD CONSTRAINT ledger_kind_check
    CHECK (kind = CASE WHEN version IS NULL THEN 'repeatable' ELSE 'versioned' END);

ALTER TABLE {{tables.event}} ALTER COLUMN version DROP NOT NULL;

COMMENT ON COLUMN {{tables.ledger}}.state IS
    'failed or running without finished_at: half done; withdrawn: it counts no more, its file is gone.';
COMMENT ON COLUMN {{tables.ledger}}.steps_done IS 'How many statements of a migration outside of transactions have run.';
