-- Wide numbers are 32-byte big-endian blobs: they compare as numbers do.

CREATE TABLE operations (
    hash           BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    chain_id       INTEGER NOT NULL,
    entry_point    BLOB    NOT NULL CHECK (length(entry_point) = 20),
    sender         BLOB    NOT NULL CHECK (length(sender) = 20),
    nonce          BLOB    NOT NULL CHECK (length(nonce) = 32),
    call_data_hash BLOB    NOT NULL CHECK (length(call_data_hash) = 32),
    max_fee        BLOB    NOT NULL CHECK (length(max_fee) = 32),
    tip            BLOB    NOT NULL CHECK (length(tip) = 32),
    cost           BLOB    NOT NULL CHECK (length(cost) = 32),
    day            INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX operations_by_nonce ON operations (chain_id, entry_point, sender, nonce);

CREATE TABLE bundles (
    tx         BLOB    NOT NULL PRIMARY KEY CHECK (length(tx) = 32),
    chain_id   INTEGER NOT NULL,
    bundler    BLOB    NOT NULL CHECK (length(bundler) = 20),
    nonce      INTEGER NOT NULL,
    ops_digest BLOB    NOT NULL CHECK (length(ops_digest) = 32),
    max_fee    BLOB    NOT NULL CHECK (length(max_fee) = 32),
    tip        BLOB    NOT NULL CHECK (length(tip) = 32),
    cost       BLOB    NOT NULL CHECK (length(cost) = 32),
    day        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX bundles_by_nonce ON bundles (chain_id, bundler, nonce);

CREATE TABLE receipts (
    chain_id INTEGER NOT NULL,
    registry BLOB    NOT NULL CHECK (length(registry) = 20),
    purchase INTEGER NOT NULL,
    digest   BLOB    NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (chain_id, registry, purchase)
) STRICT, WITHOUT ROWID;

CREATE TABLE spending (
    day INTEGER NOT NULL PRIMARY KEY,
    wei BLOB    NOT NULL CHECK (length(wei) = 32)
) STRICT, WITHOUT ROWID;
