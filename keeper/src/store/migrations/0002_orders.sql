-- An order is its number and its terms: a reorganisation can give the number to another order.
-- Events below this one belong to former orders of the number.
ALTER TABLE jobs ADD COLUMN first_event INTEGER NOT NULL DEFAULT 0;

-- Work done for former orders of a number, taken up again if such an order comes back. `work`
-- is the JSON of domain::job::Work.
CREATE TABLE former_work (
    job        INTEGER NOT NULL REFERENCES jobs (id),
    order_hash BLOB    NOT NULL,
    work       TEXT    NOT NULL,
    PRIMARY KEY (job, order_hash)
) STRICT;
