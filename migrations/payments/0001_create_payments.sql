CREATE TABLE {{tables.payments}} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    idempotency_key text NOT NULL UNIQUE,
    -- No foreign key: orders live in another service. Unique, so that each is paid once.
    order_id bigint NOT NULL UNIQUE,
    amount numeric NOT NULL CHECK (amount >= 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
