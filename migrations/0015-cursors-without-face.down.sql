UPDATE subscription_cursor AS c
SET face = coalesce((
  SELECT v.face FROM resource_version AS v WHERE v.type = 'Subscription' AND v.id = c.subscription_id ORDER BY v.version DESC LIMIT 1
), 'r4b')
WHERE face IS NULL;
ALTER TABLE subscription_cursor ALTER COLUMN face SET NOT NULL;
