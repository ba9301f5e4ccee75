-- `_history?_since` asks for what was written from an instant on. Rows lie in about that order, so block ranges find them at next to no cost
-- for writers (a B-tree would cost each of them a page).
CREATE INDEX resource_version_at ON resource_version USING brin (at) WITH (pages_per_range = 16, autosummarize = on);
