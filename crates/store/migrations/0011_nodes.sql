-- Several nodes on one database, and the bytes that all of them need. An embedded database has one node and keeps bytes as files: these
-- tables stay empty there.

-- beat: when it last told that it lives, by the clock of the database. applied: the newest change that it took in.
CREATE TABLE nodes (
    id      TEXT PRIMARY KEY,
    beat    BIGINT NOT NULL,
    applied BIGINT NOT NULL
);

-- sha256 names the bytes; they are there whole before a row anywhere names them.
CREATE TABLE blobs (
    sha256    TEXT PRIMARY KEY,
    size      BIGINT NOT NULL,
    stored_at BIGINT NOT NULL
);
CREATE TABLE blob_chunks (
    sha256 TEXT NOT NULL REFERENCES blobs (sha256) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    bytes  {{blob}} NOT NULL,
    PRIMARY KEY (sha256, number)
);
CREATE INDEX uploads_sha256 ON uploads (sha256);
