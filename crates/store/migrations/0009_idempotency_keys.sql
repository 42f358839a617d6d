-- Keys under which a caller sent something that makes a thing, with the answer that it got (sealed: it may hold a token). A row without an
-- answer is at work until then; every row goes when its time is over. operation and body are SHA-256.

CREATE TABLE idempotency_keys (
    token     TEXT NOT NULL,
    name      TEXT NOT NULL,
    operation TEXT NOT NULL,
    body      TEXT NOT NULL,
    answer    TEXT,
    until     BIGINT NOT NULL,
    PRIMARY KEY (token, name)
);
CREATE INDEX idempotency_keys_until ON idempotency_keys (until);
