ALTER TABLE {{tables.orders}} VALIDATE CONSTRAINT later;
ALTER TYPE {{tables.mood}} ADD VALUE 'great' AFTER 'ok';
ALTER TYPE {{tables.mood}} ADD VALUE 'so so' BEFORE 'ok';
ALTER TABLE {{tables.customers}} ALTER COLUMN mood SET DEFAULT 'great';
ALTER TABLE {{tables.orders}} RENAME COLUMN code TO "Code";
ALTER TABLE {{tables.orders}} DROP COLUMN junk;
