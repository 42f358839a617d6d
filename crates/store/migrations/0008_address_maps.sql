-- Names that take the place of addresses in rendered files. tenant is empty for a global one, so that the pair is unique.

CREATE TABLE address_maps (
    id         TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL,
    address    TEXT NOT NULL,
    name       TEXT NOT NULL,
    revision   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (tenant, address)
);
