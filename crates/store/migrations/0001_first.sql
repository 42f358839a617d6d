-- The first schema. Types are TEXT, BIGINT, DOUBLE PRECISION and {{blob}} only: one text for every database.
-- Times are milliseconds since 1970 UTC, booleans 0 or 1, ids, lists and documents text (JSON).
-- In documents every secret is sealed; see the crate's key.rs.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- What caches and other nodes read: one row per committed change, in order. Old ones are trimmed.
CREATE TABLE changes (
    seq  BIGINT PRIMARY KEY,
    noun TEXT NOT NULL,
    id   TEXT NOT NULL
);

CREATE TABLE site (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    settings   TEXT NOT NULL,
    enforced   TEXT NOT NULL,
    revision   BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE tenants (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    networks   TEXT NOT NULL,
    settings   TEXT NOT NULL,
    enforced   TEXT NOT NULL,
    revision   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- tenant is empty for a global profile, so that the pair is unique.
CREATE TABLE profiles (
    id         TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL,
    name       TEXT NOT NULL,
    parents    TEXT NOT NULL,
    matches    TEXT,
    settings   TEXT NOT NULL,
    unset      TEXT NOT NULL,
    label      TEXT NOT NULL,
    revision   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (tenant, name)
);

CREATE TABLE accounts (
    id         TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL REFERENCES tenants (name),
    name       TEXT NOT NULL,
    document   TEXT NOT NULL,
    shared     BIGINT NOT NULL,
    code       TEXT,
    revision   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (tenant, name)
);

-- Which line of which document names which account. holder: the id of a device, profile or tenant, or 'site'.
-- tenant is empty where the document is not one tenant's.
CREATE TABLE account_uses (
    noun    TEXT NOT NULL,
    holder  TEXT NOT NULL,
    line    TEXT NOT NULL,
    tenant  TEXT NOT NULL,
    account TEXT NOT NULL,
    PRIMARY KEY (noun, holder, line)
);
CREATE INDEX account_uses_account ON account_uses (account, tenant);

-- One row per distinct set of layers; the tag moves when anything in it changes.
CREATE TABLE layer_sets (
    id         TEXT PRIMARY KEY,
    selector   TEXT NOT NULL,
    layers_tag BIGINT NOT NULL
);

-- address: the one this device is found by; seen_ip: where it was last seen, which others may share.
-- pending_network: set while a phone that came by itself was touched by no person.
CREATE TABLE devices (
    id               TEXT PRIMARY KEY,
    tenant           TEXT NOT NULL REFERENCES tenants (name),
    mac              TEXT UNIQUE,
    serial           TEXT,
    uuid             TEXT,
    vendor           TEXT,
    model            TEXT,
    model_pinned     BIGINT NOT NULL,
    reported_model   TEXT,
    firmware         TEXT,
    pack             TEXT,
    pack_pinned      BIGINT NOT NULL,
    state            TEXT NOT NULL,
    profiles         TEXT NOT NULL,
    settings         TEXT NOT NULL,
    unset            TEXT NOT NULL,
    label            TEXT NOT NULL,
    location         TEXT NOT NULL,
    tags             TEXT NOT NULL,
    search           TEXT NOT NULL,
    layer_set        TEXT NOT NULL REFERENCES layer_sets (id),
    pending_network  TEXT,
    revision         BIGINT NOT NULL,
    generation       BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    address          TEXT,
    seen_at          BIGINT,
    seen_ip          TEXT,
    seen             TEXT,
    fetch_generation BIGINT,
    fetch_tag        BIGINT,
    fetch            TEXT
);
CREATE INDEX devices_tenant ON devices (tenant, id);
CREATE INDEX devices_state ON devices (state, id);
CREATE INDEX devices_address ON devices (address);
CREATE INDEX devices_layer_set ON devices (layer_set);
CREATE INDEX devices_pending ON devices (pending_network, seen_at);

CREATE TABLE device_tags (
    device TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    tag    TEXT NOT NULL,
    PRIMARY KEY (tag, device)
);
CREATE INDEX device_tags_device ON device_tags (device);

CREATE TABLE device_profiles (
    device  TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    profile TEXT NOT NULL,
    PRIMARY KEY (profile, device)
);
CREATE INDEX device_profiles_device ON device_profiles (device);

CREATE TABLE firmware (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL UNIQUE,
    pack       TEXT NOT NULL,
    size       BIGINT NOT NULL,
    sha256     TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE tokens (
    id           TEXT PRIMARY KEY,
    label        TEXT NOT NULL,
    role         TEXT NOT NULL,
    sha256       TEXT NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    last_used_at BIGINT
);

CREATE TABLE requests (
    id     TEXT PRIMARY KEY,
    device TEXT,
    tenant TEXT,
    record TEXT NOT NULL
);
CREATE INDEX requests_device ON requests (device, id);
CREATE INDEX requests_tenant ON requests (tenant, id);
