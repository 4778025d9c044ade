-- +goose Up

-- The log and what was folded from it.
CREATE TABLE entry (
	idx  INTEGER PRIMARY KEY,
	type TEXT NOT NULL,
	eco  TEXT NOT NULL,
	pkg  TEXT NOT NULL,
	body BLOB NOT NULL
);
CREATE INDEX entry_package ON entry (eco, pkg, idx);
CREATE INDEX entry_house ON entry (idx) WHERE type IN ('genesis', 'site', 'key', 'name');

CREATE TABLE hash (
	idx  INTEGER PRIMARY KEY,
	hash BLOB NOT NULL
);

CREATE TABLE record (
	key   BLOB NOT NULL PRIMARY KEY,
	value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE mark (
	name  TEXT NOT NULL PRIMARY KEY,
	value BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE package (
	eco     TEXT NOT NULL,
	key     TEXT NOT NULL,
	display TEXT NOT NULL,
	claimed BIGINT NOT NULL,
	PRIMARY KEY (eco, key)
) WITHOUT ROWID;

CREATE TABLE file (
	eco     TEXT NOT NULL,
	key     TEXT NOT NULL,
	name    TEXT NOT NULL,
	version TEXT NOT NULL,
	digest  BLOB NOT NULL,
	size    BIGINT NOT NULL,
	idx     BIGINT NOT NULL UNIQUE,
	blob    TEXT NOT NULL,
	PRIMARY KEY (eco, key, name)
);

CREATE TABLE summary (
	eco         TEXT NOT NULL,
	key         TEXT NOT NULL,
	display     TEXT NOT NULL,
	version     TEXT NOT NULL,
	description TEXT NOT NULL,
	keywords    TEXT NOT NULL,
	license     TEXT NOT NULL,
	homepage    TEXT NOT NULL,
	updated     BIGINT NOT NULL,
	folded_name TEXT NOT NULL,
	folded_text TEXT NOT NULL,
	PRIMARY KEY (eco, key)
);

CREATE TABLE requires (
	eco     TEXT NOT NULL,
	key     TEXT NOT NULL,
	dep_eco TEXT NOT NULL,
	dep_key TEXT NOT NULL,
	PRIMARY KEY (eco, key, dep_eco, dep_key)
) WITHOUT ROWID;
CREATE INDEX requires_back ON requires (dep_eco, dep_key);

-- Documents that entries refer to by digest: extracted metadata, messages,
-- sets of owners. They are committed with the entries; a message can be deleted.
CREATE TABLE doc (
	digest BLOB NOT NULL PRIMARY KEY,
	body   BLOB NOT NULL
);

-- What only this database knows.
CREATE TABLE owner (
	eco       TEXT NOT NULL,
	key       TEXT NOT NULL,
	user_name TEXT NOT NULL,
	PRIMARY KEY (eco, key, user_name)
) WITHOUT ROWID;
CREATE INDEX owner_user ON owner (user_name);

CREATE TABLE download (
	eco     TEXT NOT NULL,
	key     TEXT NOT NULL,
	version TEXT NOT NULL,
	day     BIGINT NOT NULL,
	count   BIGINT NOT NULL,
	PRIMARY KEY (eco, key, version, day)
) WITHOUT ROWID;

CREATE TABLE user_account (
	name     TEXT NOT NULL PRIMARY KEY,
	email    TEXT NOT NULL,
	created  BIGINT NOT NULL,
	disabled BIGINT NOT NULL
);

CREATE TABLE enrolment (
	hash      BLOB NOT NULL PRIMARY KEY,
	user_name TEXT NOT NULL REFERENCES user_account (name),
	expires   BIGINT NOT NULL
);

CREATE TABLE token (
	id        TEXT NOT NULL PRIMARY KEY,
	hash      BLOB NOT NULL UNIQUE,
	user_name TEXT NOT NULL REFERENCES user_account (name),
	scopes    TEXT NOT NULL,
	created   BIGINT NOT NULL,
	expires   BIGINT NOT NULL,
	last_used BIGINT NOT NULL,
	revoked   BIGINT NOT NULL
);
CREATE INDEX token_user ON token (user_name);

CREATE TABLE audit (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	at      BIGINT NOT NULL,
	actor   TEXT NOT NULL,
	action  TEXT NOT NULL,
	subject TEXT NOT NULL,
	detail  TEXT NOT NULL
);
