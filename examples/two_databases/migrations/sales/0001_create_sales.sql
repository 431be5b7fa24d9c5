CREATE TABLE {{tables.sales}} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    article text NOT NULL
);
