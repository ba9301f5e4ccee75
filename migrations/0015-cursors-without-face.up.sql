-- Nothing reads through which version of FHIR a subscription was made: its Subscription tells. Processes of the release before still write
-- it during a rolling restart, so the column goes in a release after this one.
ALTER TABLE subscription_cursor ALTER COLUMN face DROP NOT NULL;
