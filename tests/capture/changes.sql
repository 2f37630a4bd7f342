-- One change of each kind, in a fixed order, so that a test can list what must come out.
INSERT INTO items VALUES (10, 'plain', 19.9900000000, 42, 0.1, 'ok', '{"a": [1, {"b": null}]}', '\x00ff10',
    '{x,"y, z"}', '2024-02-29', '2024-02-29 12:34:56.123456', '2024-02-29 12:34:56.123456+02');
INSERT INTO items (id, name, price, big, ratio, doc) VALUES (9223372036854775807,
    E'tab\tquote" back\\slash line\nend \u00e9 \u65e5\u672c \U0001F600 </script>',
    12345678901234567890.0123456789, 9223372036854775807, 1e300, '{"n": 123456789012345678901234567890.5}');
UPDATE items SET name = 'changed', mood = 'happy' WHERE id = 10;
UPDATE items SET id = 11 WHERE id = 10;
DELETE FROM items WHERE id = 2;
INSERT INTO full_items VALUES (2, 'whole', 1);
UPDATE full_items SET qty = 2 WHERE id = 2;
DELETE FROM full_items WHERE id = 2;
INSERT INTO no_key VALUES (1, 'keyless'), (1, 'keyless');
BEGIN;
INSERT INTO "Odd name-ü" VALUES (1, 'one');
UPDATE "Odd name-ü" SET "a ""quoted"" col" = NULL;
DELETE FROM "Odd name-ü";
COMMIT;
INSERT INTO toasted SELECT 1, 1, repeat('w', 2100), convert_to(repeat('b', 2100), 'UTF8'),
    array_fill('t'::text, '{600}'), array_fill(7, '{600}'), array_fill(8::bigint, '{300}'),
    jsonb_build_object('d', repeat('d', 2100));
UPDATE toasted SET small = 2 WHERE id = 1;
TRUNCATE emptied;
SELECT pg_logical_emit_message(true, 'capture', 'inside a transaction');
SELECT pg_logical_emit_message(false, 'capture', 'outside of any');
