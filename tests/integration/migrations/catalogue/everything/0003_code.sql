-- poolhouse: template-bodies
CREATE FUNCTION {{tables.total_of}}(customer bigint, since date DEFAULT '2000-01-01') RETURNS numeric
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(sum(total), 0) FROM {{tables.orders}} WHERE orders.customer = $1
$$;
CREATE FUNCTION {{tables.stamp}}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = {{schema}}, pg_temp AS $$
BEGIN
    INSERT INTO {{tables.scratchpad}} VALUES (TG_TABLE_NAME);
    RETURN NEW;
END
$$;
CREATE FUNCTION {{tables.twice}}(x int) RETURNS int LANGUAGE sql IMMUTABLE STRICT RETURN x * 2;
CREATE PROCEDURE {{tables.tidy}}(INOUT n int) LANGUAGE plpgsql AS $$ BEGIN DELETE FROM {{tables.scratchpad}}; END $$;
CREATE AGGREGATE {{tables.product}}(numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = '1');
CREATE FUNCTION {{tables.same}}(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
CREATE OPERATOR {{schema}}.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = {{tables.same}}, COMMUTATOR = ===);
CREATE OPERATOR CLASS {{tables.backwards}} FOR TYPE int USING btree AS
    OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 btint4cmp(int, int);
CREATE TEXT SEARCH CONFIGURATION {{tables.words}} (COPY = simple);
CREATE TEXT SEARCH DICTIONARY {{tables.stems}} (TEMPLATE = snowball, LANGUAGE = english);
COMMENT ON FUNCTION {{tables.twice}}(int) IS 'Two of it';
REVOKE EXECUTE ON FUNCTION {{tables.total_of}}(bigint, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {{tables.total_of}}(bigint, date) TO pg_monitor;
CREATE TRIGGER stamped BEFORE INSERT OR UPDATE OF note ON {{tables.orders}} FOR EACH ROW EXECUTE FUNCTION {{tables.stamp}}();
CREATE TRIGGER stamped AFTER INSERT ON {{tables.events}} FOR EACH ROW EXECUTE FUNCTION {{tables.stamp}}();
CREATE CONSTRAINT TRIGGER in_the_end AFTER INSERT ON {{tables.customers}} DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.born IS NOT NULL) EXECUTE FUNCTION {{tables.stamp}}();
ALTER TABLE {{tables.customers}} ENABLE ALWAYS TRIGGER in_the_end;
