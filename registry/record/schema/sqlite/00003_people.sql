-- +goose Up

-- Accounts. roles are those of the house: moderator, administrator.
ALTER TABLE user_account ADD COLUMN verified BIGINT NOT NULL DEFAULT 0; -- the address was proven
ALTER TABLE user_account ADD COLUMN frozen   BIGINT NOT NULL DEFAULT 0; -- the address's domain lapsed
ALTER TABLE user_account ADD COLUMN erased   BIGINT NOT NULL DEFAULT 0;
ALTER TABLE user_account ADD COLUMN roles    TEXT NOT NULL DEFAULT '';

-- Factors. No secret that could be used as it stands: passwords are argon2id,
-- recovery codes SHA-256, TOTP seeds are sealed with a key beside the database.
CREATE TABLE password (
	user_name TEXT NOT NULL PRIMARY KEY REFERENCES user_account (name),
	hash      TEXT NOT NULL,
	changed   BIGINT NOT NULL,
	breached  BIGINT NOT NULL -- found in the list of known ones; 0: not found
) WITHOUT ROWID;

CREATE TABLE passkey (
	id        BLOB NOT NULL PRIMARY KEY, -- credential id
	user_name TEXT NOT NULL REFERENCES user_account (name),
	label     TEXT NOT NULL,
	body      BLOB NOT NULL, -- what WebAuthn needs to verify, JSON
	created   BIGINT NOT NULL,
	counts    BIGINT NOT NULL, -- from when on it can step up
	last_used BIGINT NOT NULL
);
CREATE INDEX passkey_user ON passkey (user_name);

CREATE TABLE totp (
	user_name TEXT NOT NULL PRIMARY KEY REFERENCES user_account (name),
	sealed    BLOB NOT NULL,
	created   BIGINT NOT NULL,
	step      BIGINT NOT NULL -- the last time step that was taken; none is taken twice
) WITHOUT ROWID;

CREATE TABLE recovery_code (
	hash      BLOB NOT NULL PRIMARY KEY,
	user_name TEXT NOT NULL REFERENCES user_account (name),
	created   BIGINT NOT NULL,
	used      BIGINT NOT NULL
);
CREATE INDEX recovery_code_user ON recovery_code (user_name);

-- kind: full; enrolling (may add factors and nothing else); breached (may set a
-- password and nothing else).
CREATE TABLE session (
	hash      BLOB NOT NULL PRIMARY KEY,
	id        TEXT NOT NULL UNIQUE, -- names it to people; no secret
	user_name TEXT NOT NULL REFERENCES user_account (name),
	kind      TEXT NOT NULL,
	factors   TEXT NOT NULL, -- what was shown at sign-in
	label     TEXT NOT NULL, -- browser and system, coarse
	about     TEXT NOT NULL, -- of a recovery: what it must end with, and what it has so far; JSON
	created   BIGINT NOT NULL,
	seen      BIGINT NOT NULL,
	rotated   BIGINT NOT NULL,
	taken     BIGINT NOT NULL, -- 1: the browser has shown the newest cookie
	stepped   BIGINT NOT NULL, -- last phishing-resistant proof
	retyped   BIGINT NOT NULL -- when password and code were last typed once more
);
CREATE INDEX session_by_user ON session (user_name);

-- Cookies that a session had before. Who shows one later has stolen it, or was
-- robbed of the session.
CREATE TABLE session_past (
	hash    BLOB NOT NULL PRIMARY KEY,
	id      TEXT NOT NULL,
	retired BIGINT NOT NULL
);
CREATE INDEX session_past_id ON session_past (id);

CREATE TABLE device (
	hash      BLOB NOT NULL,
	user_name TEXT NOT NULL REFERENCES user_account (name),
	first     BIGINT NOT NULL,
	last      BIGINT NOT NULL,
	PRIMARY KEY (hash, user_name)
);

-- What was begun and waits for its end, for minutes: WebAuthn challenges,
-- sign-ins between two factors, links in mails, log-ins of clients.
CREATE TABLE ceremony (
	hash      BLOB NOT NULL PRIMARY KEY, -- of the secret that continues it
	kind      TEXT NOT NULL,
	user_name TEXT NOT NULL, -- empty while it is not known who
	code      TEXT NOT NULL, -- short code that a person compares or types; empty: none
	body      BLOB NOT NULL,
	created   BIGINT NOT NULL,
	expires   BIGINT NOT NULL
);
CREATE INDEX ceremony_expires ON ceremony (expires);
CREATE INDEX ceremony_code ON ceremony (code) WHERE code <> '';

-- Rate limits: theoretical arrival time (GCRA), microseconds.
CREATE TABLE meter (
	key TEXT NOT NULL PRIMARY KEY,
	tat BIGINT NOT NULL
) WITHOUT ROWID;

-- Organisations. A principal in table owner is a user ("alice"), the owners of
-- an organisation ("@acme") or a team ("@acme/release").
CREATE TABLE org (
	name       TEXT NOT NULL PRIMARY KEY,
	created    BIGINT NOT NULL,
	two_person BIGINT NOT NULL -- 1: new packages in its namespaces begin with two-person release
) WITHOUT ROWID;

CREATE TABLE member (
	org       TEXT NOT NULL REFERENCES org (name),
	user_name TEXT NOT NULL REFERENCES user_account (name),
	role      TEXT NOT NULL, -- owner, member
	since     BIGINT NOT NULL,
	PRIMARY KEY (org, user_name)
) WITHOUT ROWID;
CREATE INDEX member_user ON member (user_name);

CREATE TABLE team (
	org  TEXT NOT NULL REFERENCES org (name),
	name TEXT NOT NULL,
	PRIMARY KEY (org, name)
) WITHOUT ROWID;

CREATE TABLE team_member (
	org       TEXT NOT NULL,
	team      TEXT NOT NULL,
	user_name TEXT NOT NULL REFERENCES user_account (name),
	since     BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (org, team, user_name),
	FOREIGN KEY (org, user_name) REFERENCES member (org, user_name) ON DELETE CASCADE -- whoever leaves is in no team
) WITHOUT ROWID;
CREATE INDEX team_member_user ON team_member (user_name);

CREATE TABLE namespace (
	eco     TEXT NOT NULL,
	pattern TEXT NOT NULL, -- as in a scope: @acme/*
	org     TEXT NOT NULL REFERENCES org (name),
	PRIMARY KEY (eco, pattern)
) WITHOUT ROWID;

-- Rights of a principal: publish, people, settings; separated by blanks.
ALTER TABLE owner ADD COLUMN rights TEXT NOT NULL DEFAULT 'publish people settings';
ALTER TABLE owner ADD COLUMN since BIGINT NOT NULL DEFAULT 0; -- 0: since the name was claimed

CREATE TABLE invitation (
	id        TEXT NOT NULL PRIMARY KEY,
	kind      TEXT NOT NULL, -- package, org, team, transfer
	target    TEXT NOT NULL, -- npm/left-pad, @acme, @acme/release
	user_name TEXT NOT NULL, -- who is invited
	rights    TEXT NOT NULL, -- of the package, or the role in the organisation
	inviter   TEXT NOT NULL,
	created   BIGINT NOT NULL,
	expires   BIGINT NOT NULL
);
CREATE INDEX invitation_user ON invitation (user_name);
CREATE INDEX invitation_target ON invitation (target);

-- Changes that weaken something and therefore wait.
CREATE TABLE waiting (
	id      TEXT NOT NULL PRIMARY KEY,
	kind    TEXT NOT NULL,
	account TEXT NOT NULL, -- whose account; empty: it is about a package
	eco     TEXT NOT NULL,
	pkg     TEXT NOT NULL,
	actor   TEXT NOT NULL,
	body    BLOB NOT NULL,
	cancel  BLOB NOT NULL, -- SHA-256 of the secret in the cancel link
	created BIGINT NOT NULL,
	due     BIGINT NOT NULL,
	ended   BIGINT NOT NULL,
	outcome TEXT NOT NULL -- doing (since ended), done, cancelled, failed; empty: waits
);
CREATE INDEX waiting_due ON waiting (due) WHERE ended = 0;
CREATE INDEX waiting_doing ON waiting (ended) WHERE outcome = 'doing';
CREATE INDEX waiting_account ON waiting (account) WHERE ended = 0;
CREATE INDEX waiting_package ON waiting (eco, pkg) WHERE ended = 0;

-- How a package may be published; its public form is a fact in the log.
CREATE TABLE policy (
	eco          TEXT NOT NULL,
	key          TEXT NOT NULL,
	trusted_only BIGINT NOT NULL, -- 1: no token of a person publishes
	two_person   BIGINT NOT NULL, -- 1: somebody else approves each release
	PRIMARY KEY (eco, key)
) WITHOUT ROWID;

-- Trusted publishers. A package that is not there yet makes it a pending one.
CREATE TABLE publisher (
	id      TEXT NOT NULL PRIMARY KEY,
	eco     TEXT NOT NULL,
	key     TEXT NOT NULL,
	issuer  TEXT NOT NULL, -- URL
	subject TEXT NOT NULL, -- what tokens are looked up by: a repository, a service account
	profile TEXT NOT NULL, -- which CI system, for people
	claims  TEXT NOT NULL, -- JSON: claim -> value that it must have
	creator TEXT NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL, -- of a pending one; 0: never
	used    BIGINT NOT NULL
);
CREATE INDEX publisher_package ON publisher (eco, key);
CREATE INDEX publisher_subject ON publisher (issuer, subject);
CREATE INDEX publisher_pending ON publisher (creator) WHERE expires <> 0;

CREATE TABLE spent (
	issuer  TEXT NOT NULL,
	jti     TEXT NOT NULL,
	expires BIGINT NOT NULL,
	PRIMARY KEY (issuer, jti)
) WITHOUT ROWID;
CREATE INDEX spent_expires ON spent (expires);

-- Releases that wait for a second person. body is the judged draft; it goes
-- when the release was answered.
CREATE TABLE staged (
	id       TEXT NOT NULL PRIMARY KEY,
	eco      TEXT NOT NULL,
	key      TEXT NOT NULL,
	display  TEXT NOT NULL,
	version  TEXT NOT NULL,
	actor    TEXT NOT NULL,
	files    TEXT NOT NULL, -- name, blank, SHA-256 in hexadecimal; one a line
	blobs    TEXT NOT NULL, -- where in quarantine its bytes are; one a line
	body     BLOB NOT NULL,
	created  BIGINT NOT NULL,
	expires  BIGINT NOT NULL,
	state    TEXT NOT NULL, -- waits, approved, rejected, expired
	answerer TEXT NOT NULL,
	answered BIGINT NOT NULL,
	reason   TEXT NOT NULL
);
CREATE INDEX staged_package ON staged (eco, key);
CREATE INDEX staged_waits ON staged (expires) WHERE state = 'waits';

-- Tokens, with every limit that they can have. A token of a trusted publisher
-- belongs to nobody.
CREATE TABLE token_with_limits (
	id        TEXT NOT NULL PRIMARY KEY,
	hash      BLOB NOT NULL UNIQUE,
	user_name TEXT NOT NULL, -- empty: of a trusted publisher
	publisher TEXT NOT NULL, -- id; empty: of a user
	label     TEXT NOT NULL,
	origin    TEXT NOT NULL, -- who made it: admin, web, login, publisher
	scopes    TEXT NOT NULL,
	versions  TEXT NOT NULL, -- patterns; empty: every version
	networks  TEXT NOT NULL, -- CIDR; empty: from everywhere
	digests   TEXT NOT NULL, -- SHA-256 of artifacts; empty: any
	uses      BIGINT NOT NULL, -- how many writes are left; -1: no limit
	public    BLOB NOT NULL, -- Ed25519 key that narrower tokens are checked with
	created   BIGINT NOT NULL,
	expires   BIGINT NOT NULL,
	last_used BIGINT NOT NULL,
	last_from TEXT NOT NULL, -- network of the last use, coarse
	revoked   BIGINT NOT NULL,
	why       TEXT NOT NULL -- of the revocation
);
INSERT INTO token_with_limits
	SELECT id, hash, user_name, '', '', 'admin', scopes, '', '', '', -1, x'', created, expires, last_used, '', revoked, '' FROM token;
DROP TABLE token;
ALTER TABLE token_with_limits RENAME TO token;
CREATE INDEX token_user ON token (user_name);
CREATE INDEX token_publisher ON token (expires) WHERE publisher <> '';

-- The journal: whose account or package a line is about, and if somebody still
-- has to be told.
ALTER TABLE audit ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN waiting TEXT NOT NULL DEFAULT ''; -- id of the change that waits
ALTER TABLE audit ADD COLUMN tell BIGINT NOT NULL DEFAULT 0;
CREATE INDEX audit_tell ON audit (id) WHERE tell <> 0;
CREATE INDEX audit_account ON audit (account, id);
CREATE INDEX audit_subject ON audit (subject, id);
CREATE INDEX audit_actor ON audit (actor, id);

-- Domains of e-mail addresses, as the daily check saw them.
CREATE TABLE domain (
	name       TEXT NOT NULL PRIMARY KEY,
	checked    BIGINT NOT NULL,
	registered BIGINT NOT NULL, -- as the registry of the domain says; 0: it does not say
	state      TEXT NOT NULL, -- well, doubtful (seen gone once), lapsed, unknown
	since      BIGINT NOT NULL, -- when it came into this state
	why        TEXT NOT NULL
) WITHOUT ROWID;

-- Mails that are still to be sent: a line of the journal, and who hears of it.
CREATE TABLE delivery (
	line      BIGINT NOT NULL, -- audit.id
	user_name TEXT NOT NULL,
	tries     BIGINT NOT NULL,
	next      BIGINT NOT NULL, -- not before
	PRIMARY KEY (line, user_name)
) WITHOUT ROWID;
CREATE INDEX delivery_next ON delivery (next);

-- Addresses that were replaced. For a while they hear of everything too, because
-- whoever replaced an address hears what comes after.
CREATE TABLE former_address (
	user_name TEXT NOT NULL REFERENCES user_account (name),
	email     TEXT NOT NULL,
	until     BIGINT NOT NULL,
	PRIMARY KEY (user_name, email)
) WITHOUT ROWID;

-- Break-glass: what operators may do when two of them agree.
CREATE TABLE override (
	id       TEXT NOT NULL PRIMARY KEY,
	operator TEXT NOT NULL,
	second   TEXT NOT NULL,
	account  TEXT NOT NULL, -- for whom a token may be made
	reason   TEXT NOT NULL,
	created  BIGINT NOT NULL,
	agreed   BIGINT NOT NULL,
	until    BIGINT NOT NULL, -- of the question, then of the permission
	used     BIGINT NOT NULL
);

-- Names whose accounts were erased, so that nobody takes them again: HMAC with a
-- key that lies beside the database.
CREATE TABLE erased_name (
	mark   BLOB NOT NULL PRIMARY KEY,
	erased BIGINT NOT NULL
) WITHOUT ROWID;

-- Work that one node at a time does.
CREATE TABLE lease (
	name   TEXT NOT NULL PRIMARY KEY,
	holder TEXT NOT NULL,
	until  BIGINT NOT NULL
) WITHOUT ROWID;
