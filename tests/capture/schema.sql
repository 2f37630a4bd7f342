-- What the captured events are made of: each table is one way a row can look in an event.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE items (               -- REPLICA IDENTITY DEFAULT: before holds the key or nothing
    id       bigint PRIMARY KEY,
    name     text NOT NULL,
    price    numeric(30, 10),
    big      bigint,               -- beyond 2^53, where a double loses digits
    ratio    double precision,
    mood     mood,
    doc      jsonb,
    bytes    bytea,
    tags     text[],
    day      date,
    at_local timestamp,
    at_zone  timestamptz
);
CREATE TABLE full_items (id integer PRIMARY KEY, name text, qty integer);
ALTER TABLE full_items REPLICA IDENTITY FULL;
CREATE TABLE no_key (a integer, b text); -- without a key there are only inserts
ALTER TABLE no_key REPLICA IDENTITY NOTHING;
CREATE TABLE toasted (             -- large values live out of line and stay away when unchanged
    id     integer PRIMARY KEY,
    small  integer,
    words  text,
    bytes  bytea,
    tags   text[],
    ints   integer[],
    longs  bigint[],
    doc    jsonb
);
ALTER TABLE toasted ALTER words SET STORAGE EXTERNAL, ALTER bytes SET STORAGE EXTERNAL,
    ALTER tags SET STORAGE EXTERNAL, ALTER ints SET STORAGE EXTERNAL,
    ALTER longs SET STORAGE EXTERNAL, ALTER doc SET STORAGE EXTERNAL;
CREATE TABLE emptied (id integer PRIMARY KEY);
CREATE TABLE "Odd name-ü" ("Key!" integer PRIMARY KEY, "a ""quoted"" col" text);
CREATE TABLE capture_signal (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048));
-- Table by table: for all of them one would have to be a superuser.
CREATE PUBLICATION capture FOR TABLE items, full_items, no_key, toasted, emptied, "Odd name-ü",
    capture_signal;
INSERT INTO items (id, name, price) VALUES (1, 'there before the snapshot', 1.5), (2, 'this too', NULL);
INSERT INTO full_items VALUES (1, 'there before', 7);
INSERT INTO emptied VALUES (1), (2);
