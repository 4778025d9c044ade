-- +goose Up

-- COLLATE "C" sorts text by bytes, as SQLite does.
-- Accounts. roles are those of the house: moderator, administrator.
ALTER TABLE user_account ADD COLUMN verified BIGINT NOT NULL DEFAULT 0; -- the address was proven
ALTER TABLE user_account ADD COLUMN frozen   BIGINT NOT NULL DEFAULT 0; -- the address's domain lapsed
ALTER TABLE user_account ADD COLUMN erased   BIGINT NOT NULL DEFAULT 0;
ALTER TABLE user_account ADD COLUMN roles    TEXT COLLATE "C" NOT NULL DEFAULT '';

-- Factors. No secret that could be used as it stands: passwords are argon2id,
-- recovery codes SHA-256, TOTP seeds are sealed with a key beside the database.
CREATE TABLE password (
	user_name TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES user_account (name),
	hash      TEXT COLLATE "C" NOT NULL,
	changed   BIGINT NOT NULL,
	breached  BIGINT NOT NULL -- found in the list of known ones; 0: not found
);

CREATE TABLE passkey (
	id        BYTEA NOT NULL PRIMARY KEY, -- credential id
	user_name TEXT COLLATE "C" NOT NULL REFERENCES user_account (name),
	label     TEXT COLLATE "C" NOT NULL,
	body      BYTEA NOT NULL, -- what WebAuthn needs to verify, JSON
	created   BIGINT NOT NULL,
	counts    BIGINT NOT NULL, -- from when on it can step up
	last_used BIGINT NOT NULL
);
CREATE INDEX passkey_user ON passkey (user_name);

CREATE TABLE totp (
	user_name TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES user_account (name),
	sealed    BYTEA NOT NULL,
	created   BIGINT NOT NULL,
	step      BIGINT NOT NULL -- the last time step that was taken; none is taken twice
);

CREATE TABLE recovery_code (
	hash      BYTEA NOT NULL PRIMARY KEY,
	user_name TEXT COLLATE "C" NOT NULL REFERENCES user_account (name),
	created   BIGINT NOT NULL,
	used      BIGINT NOT NULL
);
CREATE INDEX recovery_code_user ON recovery_code (user_name);

-- kind: full; enrolling (may add factors and nothing else); breached (may set a
-- password and nothing else).
CREATE TABLE session (
	hash      BYTEA NOT NULL PRIMARY KEY,
	id        TEXT COLLATE "C" NOT NULL UNIQUE, -- names it to people; no secret
	user_name TEXT COLLATE "C" NOT NULL REFERENCES user_account (name),
	kind      TEXT COLLATE "C" NOT NULL,
	factors   TEXT COLLATE "C" NOT NULL, -- what was shown at sign-in
	label     TEXT COLLATE "C" NOT NULL, -- browser and system, coarse
	about     TEXT COLLATE "C" NOT NULL, -- of a recovery: what it must end with, and what it has so far; JSON
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
	hash    BYTEA NOT NULL PRIMARY KEY,
	id      TEXT COLLATE "C" NOT NULL,
	retired BIGINT NOT NULL
);
CREATE INDEX session_past_id ON session_past (id);

CREATE TABLE device (
	hash      BYTEA NOT NULL,
	user_name TEXT COLLATE "C" NOT NULL REFERENCES user_account (name),
	first     BIGINT NOT NULL,
	last      BIGINT NOT NULL,
	PRIMARY KEY (hash, user_name)
);

-- What was begun and waits for its end, for minutes: WebAuthn challenges,
-- sign-ins between two factors, links in mails, log-ins of clients.
CREATE TABLE ceremony (
	hash      BYTEA NOT NULL PRIMARY KEY, -- of the secret that continues it
	kind      TEXT COLLATE "C" NOT NULL,
	user_name TEXT COLLATE "C" NOT NULL, -- empty while it is not known who
	code      TEXT COLLATE "C" NOT NULL, -- short code that a person compares or types; empty: none
	body      BYTEA NOT NULL,
	created   BIGINT NOT NULL,
	expires   BIGINT NOT NULL
);
CREATE INDEX ceremony_expires ON ceremony (expires);
CREATE INDEX ceremony_code ON ceremony (code) WHERE code <> '';

-- Rate limits: theoretical arrival time (GCRA), microseconds.
CREATE TABLE meter (
	key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	tat BIGINT NOT NULL
);

-- Organisations. A principal in table owner is a user ("alice"), the owners of
-- an organisation ("@acme") or a team ("@acme/release").
CREATE TABLE org (
	name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	created    BIGINT NOT NULL,
	two_person BIGINT NOT NULL -- 1: new packages in its namespaces begin with two-person release
);

CREATE TABLE member (
	org       TEXT COLLATE "C" NOT NULL REFERENCES org (name),
	user_name TEXT COLLATE "C" NOT NULL REFERENCES user_account (name),
	role      TEXT COLLATE "C" NOT NULL, -- owner, member
	since     BIGINT NOT NULL,
	PRIMARY KEY (org, user_name)
);
CREATE INDEX member_user ON member (user_name);

CREATE TABLE team (
	org  TEXT COLLATE "C" NOT NULL REFERENCES org (name),
	name TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (org, name)
);

CREATE TABLE team_member (
	org       TEXT COLLATE "C" NOT NULL,
	team      TEXT COLLATE "C" NOT NULL,
	user_name TEXT COLLATE "C" NOT NULL REFERENCES user_account (name),
	since     BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (org, team, user_name),
	FOREIGN KEY (org, user_name) REFERENCES member (org, user_name) ON DELETE CASCADE -- whoever leaves is in no team
);
CREATE INDEX team_member_user ON team_member (user_name);

CREATE TABLE namespace (
	eco     TEXT COLLATE "C" NOT NULL,
	pattern TEXT COLLATE "C" NOT NULL, -- as in a scope: @acme/*
	org     TEXT COLLATE "C" NOT NULL REFERENCES org (name),
	PRIMARY KEY (eco, pattern)
);

-- Rights of a principal: publish, people, settings; separated by blanks.
ALTER TABLE owner ADD COLUMN rights TEXT COLLATE "C" NOT NULL DEFAULT 'publish people settings';
ALTER TABLE owner ADD COLUMN since BIGINT NOT NULL DEFAULT 0; -- 0: since the name was claimed

CREATE TABLE invitation (
	id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	kind      TEXT COLLATE "C" NOT NULL, -- package, org, team, transfer
	target    TEXT COLLATE "C" NOT NULL, -- npm/left-pad, @acme, @acme/release
	user_name TEXT COLLATE "C" NOT NULL, -- who is invited
	rights    TEXT COLLATE "C" NOT NULL, -- of the package, or the role in the organisation
	inviter   TEXT COLLATE "C" NOT NULL,
	created   BIGINT NOT NULL,
	expires   BIGINT NOT NULL
);
CREATE INDEX invitation_user ON invitation (user_name);
CREATE INDEX invitation_target ON invitation (target);

-- Changes that weaken something and therefore wait.
CREATE TABLE waiting (
	id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	kind    TEXT COLLATE "C" NOT NULL,
	account TEXT COLLATE "C" NOT NULL, -- whose account; empty: it is about a package
	eco     TEXT COLLATE "C" NOT NULL,
	pkg     TEXT COLLATE "C" NOT NULL,
	actor   TEXT COLLATE "C" NOT NULL,
	body    BYTEA NOT NULL,
	cancel  BYTEA NOT NULL, -- SHA-256 of the secret in the cancel link
	created BIGINT NOT NULL,
	due     BIGINT NOT NULL,
	ended   BIGINT NOT NULL,
	outcome TEXT COLLATE "C" NOT NULL -- doing (since ended), done, cancelled, failed; empty: waits
);
CREATE INDEX waiting_due ON waiting (due) WHERE ended = 0;
CREATE INDEX waiting_doing ON waiting (ended) WHERE outcome = 'doing';
CREATE INDEX waiting_account ON waiting (account) WHERE ended = 0;
CREATE INDEX waiting_package ON waiting (eco, pkg) WHERE ended = 0;

-- How a package may be published; its public form is a fact in the log.
CREATE TABLE policy (
	eco          TEXT COLLATE "C" NOT NULL,
	key          TEXT COLLATE "C" NOT NULL,
	trusted_only BIGINT NOT NULL, -- 1: no token of a person publishes
	two_person   BIGINT NOT NULL, -- 1: somebody else approves each release
	PRIMARY KEY (eco, key)
);

-- Trusted publishers. A package that is not there yet makes it a pending one.
CREATE TABLE publisher (
	id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	eco     TEXT COLLATE "C" NOT NULL,
	key     TEXT COLLATE "C" NOT NULL,
	issuer  TEXT COLLATE "C" NOT NULL, -- URL
	subject TEXT COLLATE "C" NOT NULL, -- what tokens are looked up by: a repository, a service account
	profile TEXT COLLATE "C" NOT NULL, -- which CI system, for people
	claims  TEXT COLLATE "C" NOT NULL, -- JSON: claim -> value that it must have
	creator TEXT COLLATE "C" NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL, -- of a pending one; 0: never
	used    BIGINT NOT NULL
);
CREATE INDEX publisher_package ON publisher (eco, key);
CREATE INDEX publisher_subject ON publisher (issuer, subject);
CREATE INDEX publisher_pending ON publisher (creator) WHERE expires <> 0;

CREATE TABLE spent (
	issuer  TEXT COLLATE "C" NOT NULL,
	jti     TEXT COLLATE "C" NOT NULL,
	expires BIGINT NOT NULL,
	PRIMARY KEY (issuer, jti)
);
CREATE INDEX spent_expires ON spent (expires);

-- Releases that wait for a second person. body is the judged draft; it goes
-- when the release was answered.
CREATE TABLE staged (
	id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	eco      TEXT COLLATE "C" NOT NULL,
	key      TEXT COLLATE "C" NOT NULL,
	display  TEXT COLLATE "C" NOT NULL,
	version  TEXT COLLATE "C" NOT NULL,
	actor    TEXT COLLATE "C" NOT NULL,
	files    TEXT COLLATE "C" NOT NULL, -- name, blank, SHA-256 in hexadecimal; one a line
	blobs    TEXT COLLATE "C" NOT NULL, -- where in quarantine its bytes are; one a line
	body     BYTEA NOT NULL,
	created  BIGINT NOT NULL,
	expires  BIGINT NOT NULL,
	state    TEXT COLLATE "C" NOT NULL, -- waits, approved, rejected, expired
	answerer TEXT COLLATE "C" NOT NULL,
	answered BIGINT NOT NULL,
	reason   TEXT COLLATE "C" NOT NULL
);
CREATE INDEX staged_package ON staged (eco, key);
CREATE INDEX staged_waits ON staged (expires) WHERE state = 'waits';

-- Tokens, with every limit that they can have. A token of a trusted publisher
-- belongs to nobody.
CREATE TABLE token_with_limits (
	id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	hash      BYTEA NOT NULL UNIQUE,
	user_name TEXT COLLATE "C" NOT NULL, -- empty: of a trusted publisher
	publisher TEXT COLLATE "C" NOT NULL, -- id; empty: of a user
	label     TEXT COLLATE "C" NOT NULL,
	origin    TEXT COLLATE "C" NOT NULL, -- who made it: admin, web, login, publisher
	scopes    TEXT COLLATE "C" NOT NULL,
	versions  TEXT COLLATE "C" NOT NULL, -- patterns; empty: every version
	networks  TEXT COLLATE "C" NOT NULL, -- CIDR; empty: from everywhere
	digests   TEXT COLLATE "C" NOT NULL, -- SHA-256 of artifacts; empty: any
	uses      BIGINT NOT NULL, -- how many writes are left; -1: no limit
	public    BYTEA NOT NULL, -- Ed25519 key that narrower tokens are checked with
	created   BIGINT NOT NULL,
	expires   BIGINT NOT NULL,
	last_used BIGINT NOT NULL,
	last_from TEXT COLLATE "C" NOT NULL, -- network of the last use, coarse
	revoked   BIGINT NOT NULL,
	why       TEXT COLLATE "C" NOT NULL -- of the revocation
);
INSERT INTO token_with_limits
	SELECT id, hash, user_name, '', '', 'admin', scopes, '', '', '', -1, ''::bytea, created, expires, last_used, '', revoked, '' FROM token;
DROP TABLE token;
ALTER TABLE token_with_limits RENAME TO token;
CREATE INDEX token_user ON token (user_name);
CREATE INDEX token_publisher ON token (expires) WHERE publisher <> '';

-- The journal: whose account or package a line is about, and if somebody still
-- has to be told.
ALTER TABLE audit ADD COLUMN account TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN waiting TEXT COLLATE "C" NOT NULL DEFAULT ''; -- id of the change that waits
ALTER TABLE audit ADD COLUMN tell BIGINT NOT NULL DEFAULT 0;
CREATE INDEX audit_tell ON audit (id) WHERE tell <> 0;
CREATE INDEX audit_account ON audit (account, id);
CREATE INDEX audit_subject ON audit (subject, id);
CREATE INDEX audit_actor ON audit (actor, id);

-- Domains of e-mail addresses, as the daily check saw them.
CREATE TABLE domain (
	name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	checked    BIGINT NOT NULL,
	registered BIGINT NOT NULL, -- as the registry of the domain says; 0: it does not say
	state      TEXT COLLATE "C" NOT NULL, -- well, doubtful (seen gone once), lapsed, unknown
	since      BIGINT NOT NULL, -- when it came into this state
	why        TEXT COLLATE "C" NOT NULL
);

-- Mails that are still to be sent: a line of the journal, and who hears of it.
CREATE TABLE delivery (
	line      BIGINT NOT NULL, -- audit.id
	user_name TEXT COLLATE "C" NOT NULL,
	tries     BIGINT NOT NULL,
	next      BIGINT NOT NULL, -- not before
	PRIMARY KEY (line, user_name)
);
CREATE INDEX delivery_next ON delivery (next);

-- Addresses that were replaced. For a while they hear of everything too, because
-- whoever replaced an address hears what comes after.
CREATE TABLE former_address (
	user_name TEXT COLLATE "C" NOT NULL REFERENCES user_account (name),
	email     TEXT COLLATE "C" NOT NULL,
	until     BIGINT NOT NULL,
	PRIMARY KEY (user_name, email)
);

-- Break-glass: what operators may do when two of them agree.
CREATE TABLE override (
	id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	operator TEXT COLLATE "C" NOT NULL,
	second   TEXT COLLATE "C" NOT NULL,
	account  TEXT COLLATE "C" NOT NULL, -- for whom a token may be made
	reason   TEXT COLLATE "C" NOT NULL,
	created  BIGINT NOT NULL,
	agreed   BIGINT NOT NULL,
	until    BIGINT NOT NULL, -- of the question, then of the permission
	used     BIGINT NOT NULL
);

-- Names whose accounts were erased, so that nobody takes them again: HMAC with a
-- key that lies beside the database.
CREATE TABLE erased_name (
	mark   BYTEA NOT NULL PRIMARY KEY,
	erased BIGINT NOT NULL
);

-- Work that one node at a time does.
CREATE TABLE lease (
	name   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	holder TEXT COLLATE "C" NOT NULL,
	until  BIGINT NOT NULL
);
