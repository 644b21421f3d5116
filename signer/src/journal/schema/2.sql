-- A receipt belongs to an order. Zero stands for the unknown order of a receipt recorded before.

CREATE TABLE receipts_of_orders (
    chain_id   INTEGER NOT NULL,
    registry   BLOB    NOT NULL CHECK (length(registry) = 20),
    purchase   INTEGER NOT NULL,
    order_hash BLOB    NOT NULL CHECK (length(order_hash) = 32),
    digest     BLOB    NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (chain_id, registry, purchase, order_hash)
) STRICT, WITHOUT ROWID;

INSERT INTO receipts_of_orders
    SELECT chain_id, registry, purchase, zeroblob(32), digest FROM receipts;

DROP TABLE receipts;
