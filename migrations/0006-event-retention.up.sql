-- Events of a group up to here are no longer kept; their numbers stay used.
ALTER TABLE filter_group ADD COLUMN gone_n bigint NOT NULL DEFAULT 0;
