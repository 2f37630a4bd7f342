-- shop.sql: the demo's source, a small shop. Safe to run again.
-- What it shows on purpose: a whole row in `before` (orders, customers: replica identity FULL) and only
-- the key (products, order_items), numbers beyond 2^53, decimals, JSON, times with and without zone.
SET client_min_messages = warning;

CREATE TABLE IF NOT EXISTS customers (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text        NOT NULL,
    email      text        NOT NULL,
    city       text        NOT NULL,
    loyalty    int         NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS products (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text          NOT NULL,
    barcode    bigint        NOT NULL, -- past what a double can hold exactly
    price      numeric(10,2) NOT NULL,
    stock      int           NOT NULL DEFAULT 100,
    attributes jsonb         NOT NULL DEFAULT '{}'
);
CREATE TABLE IF NOT EXISTS orders (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint        NOT NULL REFERENCES customers (id),
    status      text          NOT NULL DEFAULT 'placed',
    total       numeric(12,2) NOT NULL DEFAULT 0,
    note        text,
    placed_at   timestamp     NOT NULL DEFAULT localtimestamp,
    updated_at  timestamptz   NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS order_items (
    order_id   bigint        NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    line       int           NOT NULL,
    product_id int           NOT NULL REFERENCES products (id),
    quantity   int           NOT NULL CHECK (quantity > 0),
    price      numeric(10,2) NOT NULL,
    PRIMARY KEY (order_id, line)
);
ALTER TABLE customers REPLICA IDENTITY FULL;
ALTER TABLE orders REPLICA IDENTITY FULL;

INSERT INTO customers (name, email, city)
SELECT format('%s %s', f, l), lower(format('%s.%s@shop.example', f, l)), c
  FROM unnest('{Ada,Grace,Edsger,Barbara,Tony,Radia,Dennis,Frances,Ken,Margaret}'::text[]) f,
       unnest('{Lund,Okafor,Silva,Novak,Ito}'::text[]) WITH ORDINALITY l (l, n),
       LATERAL (SELECT ('{Oslo,Lagos,Porto,Brno,Kyoto}'::text[])[n] AS c) city
 WHERE NOT EXISTS (SELECT FROM customers);
INSERT INTO products (name, barcode, price, attributes)
SELECT format('%s %s', colour, thing), 9007199254740993 + 10 * row_number() OVER (),
       (3 + 7 * row_number() OVER ())::numeric + 0.99,
       jsonb_build_object('colour', colour, 'kind', thing, 'tags', jsonb_build_array('demo', thing))
  FROM unnest('{red,green,blue,grey}'::text[]) colour, unnest('{mug,lamp,chair,clock,bag}'::text[]) thing
 WHERE NOT EXISTS (SELECT FROM products);

-- One change of one row, of a kind drawn by lot; full tables lose rows instead of gaining them, so
-- that a demo left alone for a week is as small as on its first day.
CREATE OR REPLACE PROCEDURE tick() LANGUAGE plpgsql AS $$
DECLARE
    lot    float := random();
    oldest bigint;
    chosen bigint;
    kind   text := CASE WHEN lot < 0.28 THEN 'order' WHEN lot < 0.48 THEN 'item' WHEN lot < 0.66 THEN 'status'
                        WHEN lot < 0.76 THEN 'stock' WHEN lot < 0.83 THEN 'loyalty' ELSE 'delete' END;
BEGIN
    IF kind = 'order' AND (SELECT count(*) FROM orders) >= 400
       OR kind = 'item' AND (SELECT count(*) FROM order_items) >= 800 THEN
        kind := 'delete';
    ELSIF kind IN ('item', 'status', 'delete') AND (SELECT count(*) FROM orders) < 20 THEN
        kind := 'order';
    END IF;

    CASE kind
    WHEN 'order' THEN
        INSERT INTO orders (customer_id, note)
        SELECT id, CASE WHEN random() < 0.2 THEN 'gift: "für dich" 🎁' END
          FROM customers ORDER BY random() LIMIT 1;
    WHEN 'item' THEN
        SELECT id INTO chosen FROM orders ORDER BY id DESC OFFSET floor(random() * 10) LIMIT 1;
        INSERT INTO order_items
        SELECT chosen, coalesce((SELECT max(line) FROM order_items WHERE order_id = chosen), 0) + 1,
               id, 1 + floor(random() * 4)::int, price
          FROM products ORDER BY random() LIMIT 1;
    WHEN 'status' THEN
        SELECT id INTO chosen FROM orders ORDER BY random() LIMIT 1;
        UPDATE orders
           SET status = CASE status WHEN 'placed' THEN 'paid' WHEN 'paid' THEN 'packed'
                                    WHEN 'packed' THEN 'shipped' ELSE 'delivered' END,
               total = (SELECT coalesce(sum(quantity * price), 0)
                          FROM order_items WHERE order_id = chosen),
               updated_at = now()
         WHERE id = chosen;
    WHEN 'stock' THEN
        SELECT id INTO chosen FROM products ORDER BY random() LIMIT 1;
        UPDATE products SET stock = greatest(0, stock + floor(random() * 21)::int - 10) WHERE id = chosen;
    WHEN 'loyalty' THEN
        SELECT id INTO chosen FROM customers ORDER BY random() LIMIT 1;
        UPDATE customers SET loyalty = loyalty + 1 WHERE id = chosen;
    WHEN 'delete' THEN -- the oldest order goes: its items one by one, then itself
        SELECT min(id) INTO oldest FROM orders;
        DELETE FROM order_items WHERE order_id = oldest
           AND line = (SELECT max(line) FROM order_items WHERE order_id = oldest);
        IF NOT FOUND THEN
            DELETE FROM orders WHERE id = oldest;
        END IF;
    END CASE;
END $$;
