-- Files that phones sent; bytes are blobs. kind: log, settings, contacts, calls, other. Ids grow with time.

CREATE TABLE uploads (
    id        TEXT PRIMARY KEY,
    device    TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    name      TEXT NOT NULL,
    file      TEXT NOT NULL,
    kind      TEXT NOT NULL,
    size      BIGINT NOT NULL,
    sha256    TEXT NOT NULL,
    at        BIGINT NOT NULL,
    ip        TEXT NOT NULL,
    transport TEXT NOT NULL
);
CREATE INDEX uploads_device ON uploads (device, id);
