CREATE VIEW {{tables.rich}} WITH (security_barrier) AS
    SELECT c.id, c.name, o.total, total_of(c.id) AS sum FROM customers c JOIN orders o ON o.customer = c.id WHERE c.mood = 'ok';
COMMENT ON VIEW rich IS 'Who has it';
COMMENT ON COLUMN rich.sum IS 'All of it';
CREATE VIEW checked AS SELECT id, note FROM orders WHERE id > 0 WITH LOCAL CHECK OPTION;
CREATE MATERIALIZED VIEW sums AS SELECT customer, sum(total) AS total FROM orders GROUP BY customer;
CREATE UNIQUE INDEX sums_by_customer ON sums (customer);
CREATE RULE no_delete AS ON DELETE TO animals DO INSTEAD NOTHING;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON customers FOR SELECT TO pg_monitor, pg_read_all_data USING (name = current_user);
CREATE POLICY write ON customers AS RESTRICTIVE FOR INSERT WITH CHECK (id > 0);
COMMENT ON POLICY own ON customers IS 'Their own only';
COMMENT ON CONSTRAINT total_is_positive ON orders IS 'No refunds';
COMMENT ON TRIGGER stamped ON orders IS 'Leaves a trace';
GRANT SELECT, INSERT ON orders TO pg_monitor WITH GRANT OPTION;
GRANT UPDATE (note) ON orders TO pg_read_all_data;
GRANT SELECT ON rich TO PUBLIC;
GRANT USAGE ON SEQUENCE tickets TO pg_monitor;
