CREATE TABLE {{tables.jobs}} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job text NOT NULL
);
