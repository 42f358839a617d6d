-- Vendor packs that people installed, whole as archives, so that every node has them; and built-in ones that are not to be used.

CREATE TABLE packs (
    pack         TEXT NOT NULL,
    version      TEXT NOT NULL,
    origin       TEXT NOT NULL,
    sha256       TEXT NOT NULL,
    size         BIGINT NOT NULL,
    archive      {{blob}} NOT NULL,
    installed_at BIGINT NOT NULL,
    installed_by TEXT NOT NULL,
    PRIMARY KEY (pack, version)
);

CREATE TABLE removed_packs (
    pack       TEXT PRIMARY KEY,
    removed_at BIGINT NOT NULL,
    removed_by TEXT NOT NULL
);

-- The newest index that was accepted from each address: none that is older is taken again.
CREATE TABLE pack_indexes (
    url    TEXT PRIMARY KEY,
    serial BIGINT NOT NULL
);
