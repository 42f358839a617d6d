-- Who wrote what, and every version that was replaced.
-- audit: ids grow with time; changes is a list (JSON) of [path, before, after], secrets masked; tenant is empty for what is no tenant's;
-- revision is that of the thing after the write, NULL where it has none.

CREATE TABLE audit (
    id       TEXT PRIMARY KEY,
    at       BIGINT NOT NULL,
    token    TEXT NOT NULL,
    label    TEXT NOT NULL,
    origin   TEXT,
    action   TEXT NOT NULL,
    noun     TEXT NOT NULL,
    subject  TEXT NOT NULL,
    name     TEXT NOT NULL,
    tenant   TEXT NOT NULL,
    revision BIGINT,
    detail   TEXT NOT NULL,
    changes  TEXT NOT NULL,
    more     BIGINT NOT NULL
);
CREATE INDEX audit_subject ON audit (subject, id);
CREATE INDEX audit_name ON audit (name, id);
CREATE INDEX audit_noun ON audit (noun, id);
CREATE INDEX audit_tenant ON audit (tenant, id);
CREATE INDEX audit_token ON audit (token, id);

-- history: a version as its row had it, secrets sealed for the same place, so that they open under the same id only.
-- replaced_at and what follows: when and by whom it was replaced or deleted. gone: 1 while that was the end of the thing.

CREATE TABLE history (
    noun        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    revision    BIGINT NOT NULL,
    name        TEXT NOT NULL,
    tenant      TEXT NOT NULL,
    document    TEXT NOT NULL,
    gone        BIGINT NOT NULL,
    replaced_at BIGINT NOT NULL,
    token       TEXT,
    label       TEXT,
    origin      TEXT,
    PRIMARY KEY (subject, revision)
);
CREATE INDEX history_age ON history (replaced_at);
CREATE INDEX history_gone ON history (noun, replaced_at, subject) WHERE gone = 1;
CREATE INDEX history_gone_tenant ON history (tenant, noun, replaced_at, subject) WHERE gone = 1;
CREATE INDEX history_gone_name ON history (noun, name) WHERE gone = 1;
