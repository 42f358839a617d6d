-- Which tenants a token is for: a list (JSON); NULL is all of them.

ALTER TABLE tokens ADD COLUMN tenants TEXT;
