CREATE TABLE {{tables.customers}} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email {{tables.email}} UNIQUE,
    name text COLLATE "C" NOT NULL,
    mood mood DEFAULT 'ok',
    born date CHECK (born > DATE '1900-01-01'),
    address address,
    "Ünï ""quoted""" integer DEFAULT nextval('tickets')
);
COMMENT ON TABLE {{tables.customers}} IS 'Who buys';
COMMENT ON COLUMN {{tables.customers}}.email IS 'Where they read';

CREATE TABLE orders (
    id serial PRIMARY KEY,
    customer bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    total numeric(12, 2) NOT NULL DEFAULT 0,
    gross numeric GENERATED ALWAYS AS (total * 1.2) STORED,
    valid tstzrange,
    note text,
    junk text,
    code text,
    CONSTRAINT total_is_positive CHECK (total >= 0),
    CONSTRAINT one_per_day UNIQUE (customer, code) DEFERRABLE INITIALLY DEFERRED,
    EXCLUDE USING gist (valid WITH &&)
) WITH (fillfactor = 80);
ALTER TABLE orders ALTER COLUMN note SET STORAGE EXTERNAL, ALTER COLUMN code SET STATISTICS 500,
    ALTER COLUMN code SET (n_distinct = 100), ALTER COLUMN code SET COMPRESSION pglz;
CREATE INDEX orders_of_customer ON orders (customer, total DESC) WHERE total > 0;
CREATE UNIQUE INDEX "Orders by Code" ON orders (lower(code)) INCLUDE (note);
COMMENT ON INDEX orders_of_customer IS 'For their page';
ALTER TABLE orders CLUSTER ON orders_pkey;
ALTER TABLE orders REPLICA IDENTITY FULL;
CREATE STATISTICS orders_statistics (dependencies) ON customer, code FROM orders;
ALTER TABLE orders ADD CONSTRAINT later CHECK (note <> '') NOT VALID;

CREATE UNLOGGED TABLE scratchpad (line text);

CREATE TABLE "Weird Täble" ("select" int, "a""b" text);
COMMENT ON COLUMN "Weird Täble"."a""b" IS 'it''s odd';

CREATE TABLE events (at timestamptz NOT NULL, kind text NOT NULL DEFAULT 'x', CHECK (kind <> '')) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2025-01-01 00:00+00');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE INDEX events_by_kind ON events (kind);
ALTER TABLE events ADD PRIMARY KEY (at, kind);

CREATE TABLE animals (name text NOT NULL, legs int DEFAULT 4 CHECK (legs >= 0));
CREATE TABLE birds (wings int) INHERITS (animals);
CREATE TABLE homes OF address;
