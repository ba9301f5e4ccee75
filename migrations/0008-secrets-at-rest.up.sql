-- The keys that secrets in the change log are sealed under, by their ids; the keys themselves are never in the database.
CREATE TABLE secret_key (
  key_id text COLLATE "C" PRIMARY KEY,
  entered_at timestamptz NOT NULL DEFAULT now()
);

-- The versions that hold sealed secrets, and under which key. As long as one is there its key cannot leave the register, and what is
-- sealed under a key that has left it cannot be stored: that is what lets a rotation end while hubs write.
CREATE TABLE sealed_version (
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  key_id text COLLATE "C" NOT NULL REFERENCES secret_key,
  PRIMARY KEY (type, id, version)
);
CREATE INDEX sealed_version_key ON sealed_version (key_id, type, id, version);

-- Versions stored before there was sealing; the hub seals them when it starts and then they leave this list.
CREATE TABLE plain_version (
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  PRIMARY KEY (type, id, version)
);
INSERT INTO plain_version (type, id, version)
SELECT type, id, version FROM resource_version WHERE type IN ('Endpoint', 'Subscription') AND body IS NOT NULL;
