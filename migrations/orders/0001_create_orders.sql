CREATE TABLE {{tables.orders}} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- No foreign key: users live in another service, which is asked before an order is placed.
    user_id bigint NOT NULL,
    status text NOT NULL DEFAULT 'placed' CHECK (status IN ('placed', 'paid')),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX orders_of_user ON {{tables.orders}} (user_id, id);

CREATE TABLE {{tables.lines}} (
    order_id bigint NOT NULL REFERENCES {{tables.orders}},
    position integer NOT NULL,
    sku text NOT NULL,
    quantity integer NOT NULL CHECK (quantity >= 1),
    unit_price numeric NOT NULL CHECK (unit_price >= 0),
    PRIMARY KEY (order_id, position)
);
