-- A release without sealing would send what is sealed as it stands.
DO $$
BEGIN
  IF EXISTS (SELECT FROM sealed_version) THEN
    RAISE EXCEPTION 'The database holds sealed secrets, which an older Carillon cannot open';
  END IF;
END
$$;
DROP TABLE plain_version, sealed_version, secret_key;
