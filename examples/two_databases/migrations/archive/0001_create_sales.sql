CREATE TABLE {{tables.sales}} (
    id bigint PRIMARY KEY,
    article text NOT NULL,
    archived_at timestamptz NOT NULL DEFAULT now()
);
