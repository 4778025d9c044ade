// Package e2e drives the real binary, over real HTTP, with the real and
// unmodified clients that people have: npm, pnpm, both lines of yarn, pip and
// twine. There is no product code in it.
//
//	testdata/npm/*.txtar     terminal sessions of npm, pnpm and yarn
//	testdata/pypi/*.txtar    terminal sessions of twine and pip
//	testdata/house/*.txtar   terminal sessions of bonded's own verbs
//	testdata/access.golden   who may do what, over HTTP
//
// A session is a script (github.com/rogpeppe/go-internal/testscript). It reads
// like a terminal; scripts with clients run on each pair of storage, on SQLite
// with a directory and on PostgreSQL with an S3 store. Besides the commands of
// testscript a script knows
//
//	serve [FLAG ...]              start bonded on $URL, or start it again
//	stop                          end it with SIGTERM; it must exit with 0
//	user NAME [SCOPE ...]         make an account, and a token if scopes are given
//	token NAME [--ttl D] SCOPE... make another token for the account, from now on its token
//	as NAME | nobody              the clients use this user's token from here on
//	bonded ARG ...                the binary, with the server's storage in its environment
//	npm, npm-9, pnpm, yarn, yarn-berry, pip, twine, python ARG ...
//	get URL [HEADER ...]          print status, headers and body of a GET
//	approve NAME                  after stop: approve, as a person with a passkey, whatever waits for NAME
//	wheel DIR                     build a Python project into DIR/dist, offline
//
// A leading ! means, as in any testscript, that the command must not succeed.
// No server log of any session may hold a token.
//
// What does not fit a script is a test in Go beside it:
//
//	readme_test      README.md, word for word
//	upstream_test    real packages from the registries that this machine is set to
//	tamper_test      one changed byte or row, found by log verify and by fsck
//	keep_test        backups, also damaged ones
//	aged_test        what is three days old
//	nodes_test       two nodes on one database and store; two on one directory
//	drain_test       signals
//	verbs_test       exit codes, help and completion of every verb
//	access_test      who may do what
//	hostile*_test    uploads that must be refused
//	crash_test       kill -9 at every boundary of the way in
package e2e
