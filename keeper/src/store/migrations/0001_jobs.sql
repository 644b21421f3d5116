-- Which deployment this store belongs to; never changed afterwards.
CREATE TABLE identity (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- One row per purchase. `state` is the JSON of domain::job::State.
CREATE TABLE jobs (
    id         INTEGER PRIMARY KEY,
    version    INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    input_hash BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_by_kind ON jobs (kind);
CREATE INDEX jobs_by_input ON jobs (input_hash);

-- Work that a job owes in its present state.
CREATE TABLE outbox (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    job     INTEGER NOT NULL REFERENCES jobs (id),
    version INTEGER NOT NULL,
    effect  TEXT    NOT NULL
) STRICT;
CREATE INDEX outbox_by_job ON outbox (job);

-- State changes and log lines, for those who watch a job.
CREATE TABLE events (
    cursor  INTEGER PRIMARY KEY AUTOINCREMENT,
    job     INTEGER NOT NULL REFERENCES jobs (id),
    at      INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    attempt INTEGER NOT NULL,
    text    TEXT    NOT NULL
) STRICT;
CREATE INDEX events_by_job ON events (job, cursor);

-- Inputs, results, logs and manifests, by keccak256.
CREATE TABLE blobs (
    hash      BLOB    PRIMARY KEY,
    bytes     BLOB    NOT NULL,
    stored_at INTEGER NOT NULL
) STRICT;

-- Which job needs which contents; contents that no job needs any more may go.
CREATE TABLE blob_uses (
    hash BLOB    NOT NULL,
    job  INTEGER NOT NULL REFERENCES jobs (id),
    PRIMARY KEY (hash, job)
) STRICT;
CREATE INDEX blob_uses_by_job ON blob_uses (job);

-- The newest blocks taken in: the watcher's cursor and its memory of the canonical chain.
CREATE TABLE blocks (
    number INTEGER PRIMARY KEY,
    hash   BLOB    NOT NULL
) STRICT;

-- What those blocks said about jobs, to be taken back when a block leaves the chain.
CREATE TABLE facts (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    number INTEGER NOT NULL,
    hash   BLOB    NOT NULL,
    job    INTEGER NOT NULL REFERENCES jobs (id),
    kind   TEXT    NOT NULL
) STRICT;
CREATE INDEX facts_by_block ON facts (number);

-- Bundles of the bundler's account. Each nonce keeps its operations for ever; `plan` is what
-- the first transaction pays, `bundle_txs` are the signed transactions, the fees rising.
CREATE TABLE bundles (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    nonce     INTEGER NOT NULL,
    status    TEXT    NOT NULL,
    ops       TEXT    NOT NULL,
    plan      TEXT    NOT NULL,
    mined_at  INTEGER,
    mined_in  BLOB,
    signed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX bundles_by_status ON bundles (status);
CREATE TABLE bundle_txs (
    hash   BLOB    PRIMARY KEY,
    bundle INTEGER NOT NULL REFERENCES bundles (id),
    fees   TEXT    NOT NULL,
    raw    BLOB    NOT NULL
) STRICT;
CREATE INDEX bundle_txs_by_bundle ON bundle_txs (bundle);
