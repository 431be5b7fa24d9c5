CREATE TYPE {{tables.mood}} AS ENUM ('sad', 'ok');
CREATE TYPE {{tables.address}} AS (street text, "Nr" varchar(8), note text COLLATE "C");
CREATE DOMAIN {{tables.email}} AS text COLLATE "C" DEFAULT 'nobody@example.org' NOT NULL
    CONSTRAINT has_at CHECK (VALUE LIKE '%@%') CHECK (length(VALUE) < 100);
CREATE TYPE {{tables.span}} AS RANGE (subtype = float8, subtype_diff = float8mi, multirange_type_name = {{tables.spans}});
CREATE COLLATION {{tables.plain}} FROM "C";
CREATE SEQUENCE {{tables.tickets}} AS integer START 5 INCREMENT 2 MAXVALUE 999 CYCLE;
COMMENT ON TYPE {{tables.mood}} IS 'How they feel';
COMMENT ON SCHEMA {{schema}} IS 'A bit of everything';
REVOKE USAGE ON TYPE {{tables.email}} FROM PUBLIC;
GRANT USAGE ON SCHEMA {{schema}} TO pg_monitor;
ALTER DEFAULT PRIVILEGES IN SCHEMA {{schema}} GRANT SELECT ON TABLES TO pg_read_all_data;
ALTER DEFAULT PRIVILEGES IN SCHEMA {{schema}} GRANT USAGE ON SEQUENCES TO pg_read_all_data;
