-- A Subscription that is deleted and made again under its id has another cursor: what is still to be written about the first must not
-- touch the second.
ALTER TABLE subscription_cursor ADD COLUMN life bigint GENERATED ALWAYS AS IDENTITY;
