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

-- The port of a device whose lines say local_port = "auto". address: where it was last seen, empty when it was not; among the devices
-- of one address the port is its own.
CREATE TABLE local_ports (
    device  TEXT PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    port    BIGINT NOT NULL
);
CREATE INDEX local_ports_address ON local_ports (address, port);
