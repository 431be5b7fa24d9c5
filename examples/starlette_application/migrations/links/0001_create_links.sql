CREATE TABLE {{tables.links}} (
    name text PRIMARY KEY,
    target text NOT NULL
);
