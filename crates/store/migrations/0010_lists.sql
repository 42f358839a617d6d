-- Lists of a million devices: an index for each order, which also holds what lists are filtered by, so that a walk in that order reads
-- no row that it does not show; and indexes that find the few rows of a filter that few rows fit. See the crate's device/list.rs.

DROP INDEX devices_tenant;
DROP INDEX devices_state;
CREATE INDEX devices_by_id ON devices (id, tenant, state, vendor, model, pack);
CREATE INDEX devices_by_mac ON devices (COALESCE(mac, ''), id, tenant, state, vendor, model, pack);
CREATE INDEX devices_by_label ON devices (LOWER(label), id, tenant, state, vendor, model, pack);
CREATE INDEX devices_by_model ON devices (COALESCE(model, ''), id, tenant, state, vendor, pack, model);
CREATE INDEX devices_by_seen ON devices (COALESCE(seen_at, 0), id, tenant, state, vendor, model, pack);
CREATE INDEX devices_by_updated ON devices (updated_at, id, tenant, state, vendor, model, pack);
CREATE INDEX devices_tenant ON devices (tenant, id);
CREATE INDEX devices_state ON devices (state, id);
CREATE INDEX devices_vendor ON devices (vendor, id);
CREATE INDEX devices_pack ON devices (pack, id);

-- Out of step with today's content: other layers, an own edit, no fetch at all.
DROP INDEX devices_layer_set;
CREATE INDEX devices_fetched_layers ON devices (layer_set, fetch_tag, id);
CREATE INDEX devices_edited ON devices (id) WHERE fetch_generation <> generation;
CREATE INDEX devices_never ON devices (id) WHERE fetch_generation IS NULL;

-- What a search looks in, in lower case: made of the device, kept beside it so that what is searched is small.
CREATE TABLE device_search (
    device TEXT PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
    text   TEXT NOT NULL
);
INSERT INTO device_search (device, text)
    SELECT id, search || ' ' || LOWER(COALESCE(model, '')) || ' ' || COALESCE(seen_ip, '') FROM devices;
ALTER TABLE devices DROP COLUMN search;
{{postgres}}DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm; EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'no pg_trgm'; END $$;
{{postgres}}DO $$ BEGIN CREATE INDEX device_search_text ON device_search USING GIN (text gin_trgm_ops); EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'no pg_trgm'; END $$;

CREATE INDEX uploads_size ON uploads (device, size);
CREATE INDEX accounts_by_name ON accounts ((tenant || '/' || name), id, name, tenant);
CREATE INDEX accounts_by_created ON accounts (created_at, id, name, tenant);
CREATE INDEX accounts_by_updated ON accounts (updated_at, id, name, tenant);
