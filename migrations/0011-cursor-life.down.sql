ALTER TABLE subscription_cursor DROP COLUMN life;
