-- name: write(text)<!
-- Write a note, and return its id.
INSERT INTO {{tables.notes}} (text) VALUES (:text) RETURNING id;

-- name: find(pattern)
-- All notes with text like the pattern, the newest first.
SELECT text FROM {{tables.notes}} WHERE text LIKE :pattern ORDER BY id DESC;
