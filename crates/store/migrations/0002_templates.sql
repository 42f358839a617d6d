-- Template overrides. scope: `site` or `tenant:<name>`; name_key: the name in lower case, so that letter case does not count.
-- base_source: the pack's own text that it was made over, for the comparison when the pack changes.

CREATE TABLE templates (
    id           TEXT PRIMARY KEY,
    scope        TEXT NOT NULL,
    pack         TEXT NOT NULL,
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL,
    source       TEXT NOT NULL,
    device_file  BIGINT NOT NULL,
    base_version TEXT,
    base_source  TEXT,
    author       TEXT NOT NULL,
    revision     BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    UNIQUE (scope, pack, name_key)
);
