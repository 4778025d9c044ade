-- +goose Up

-- COLLATE "C" sorts text by bytes, as SQLite does, whatever the locale of the server.

-- The log and what was folded from it.
CREATE TABLE entry (
	idx  BIGINT PRIMARY KEY,
	type TEXT COLLATE "C" NOT NULL,
	eco  TEXT COLLATE "C" NOT NULL,
	pkg  TEXT COLLATE "C" NOT NULL,
	body BYTEA NOT NULL
);
CREATE INDEX entry_package ON entry (eco, pkg, idx);
CREATE INDEX entry_house ON entry (idx) WHERE type IN ('genesis', 'site', 'key', 'name');

CREATE TABLE hash (
	idx  BIGINT PRIMARY KEY,
	hash BYTEA NOT NULL
);

CREATE TABLE record (
	key   BYTEA NOT NULL PRIMARY KEY,
	value BYTEA NOT NULL
);

CREATE TABLE mark (
	name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	value BIGINT NOT NULL
);

CREATE TABLE package (
	eco     TEXT COLLATE "C" NOT NULL,
	key     TEXT COLLATE "C" NOT NULL,
	display TEXT COLLATE "C" NOT NULL,
	claimed BIGINT NOT NULL,
	PRIMARY KEY (eco, key)
);

CREATE TABLE file (
	eco     TEXT COLLATE "C" NOT NULL,
	key     TEXT COLLATE "C" NOT NULL,
	name    TEXT COLLATE "C" NOT NULL,
	version TEXT COLLATE "C" NOT NULL,
	digest  BYTEA NOT NULL,
	size    BIGINT NOT NULL,
	idx     BIGINT NOT NULL UNIQUE,
	blob    TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (eco, key, name)
);

CREATE TABLE summary (
	eco         TEXT COLLATE "C" NOT NULL,
	key         TEXT COLLATE "C" NOT NULL,
	display     TEXT COLLATE "C" NOT NULL,
	version     TEXT COLLATE "C" NOT NULL,
	description TEXT COLLATE "C" NOT NULL,
	keywords    TEXT COLLATE "C" NOT NULL,
	license     TEXT COLLATE "C" NOT NULL,
	homepage    TEXT COLLATE "C" NOT NULL,
	updated     BIGINT NOT NULL,
	folded_name TEXT COLLATE "C" NOT NULL,
	folded_text TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (eco, key)
);

CREATE TABLE requires (
	eco     TEXT COLLATE "C" NOT NULL,
	key     TEXT COLLATE "C" NOT NULL,
	dep_eco TEXT COLLATE "C" NOT NULL,
	dep_key TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (eco, key, dep_eco, dep_key)
);
CREATE INDEX requires_back ON requires (dep_eco, dep_key);

-- Documents that entries refer to by digest: extracted metadata, messages,
-- sets of owners. They are committed with the entries; a message can be deleted.
CREATE TABLE doc (
	digest BYTEA NOT NULL PRIMARY KEY,
	body   BYTEA NOT NULL
);

-- What only this database knows.
CREATE TABLE owner (
	eco       TEXT COLLATE "C" NOT NULL,
	key       TEXT COLLATE "C" NOT NULL,
	user_name TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (eco, key, user_name)
);
CREATE INDEX owner_user ON owner (user_name);

CREATE TABLE download (
	eco     TEXT COLLATE "C" NOT NULL,
	key     TEXT COLLATE "C" NOT NULL,
	version TEXT COLLATE "C" NOT NULL,
	day     BIGINT NOT NULL,
	count   BIGINT NOT NULL,
	PRIMARY KEY (eco, key, version, day)
);

CREATE TABLE user_account (
	name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	email    TEXT COLLATE "C" NOT NULL,
	created  BIGINT NOT NULL,
	disabled BIGINT NOT NULL
);

CREATE TABLE enrolment (
	hash      BYTEA NOT NULL PRIMARY KEY,
	user_name TEXT COLLATE "C" NOT NULL REFERENCES user_account (name),
	expires   BIGINT NOT NULL
);

CREATE TABLE token (
	id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	hash      BYTEA NOT NULL UNIQUE,
	user_name TEXT COLLATE "C" NOT NULL REFERENCES user_account (name),
	scopes    TEXT COLLATE "C" NOT NULL,
	created   BIGINT NOT NULL,
	expires   BIGINT NOT NULL,
	last_used BIGINT NOT NULL,
	revoked   BIGINT NOT NULL
);
CREATE INDEX token_user ON token (user_name);

CREATE TABLE audit (
	id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at      BIGINT NOT NULL,
	actor   TEXT COLLATE "C" NOT NULL,
	action  TEXT COLLATE "C" NOT NULL,
	subject TEXT COLLATE "C" NOT NULL,
	detail  TEXT COLLATE "C" NOT NULL
);
