ALTER TABLE filter_group DROP COLUMN gone_n;
