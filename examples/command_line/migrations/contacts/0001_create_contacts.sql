CREATE TABLE {{tables.contacts}} (
    name text PRIMARY KEY,
    address text NOT NULL
);
