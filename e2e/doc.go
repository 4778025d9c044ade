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
//	wheel DIR, sdist DIR          build a Python project into DIR/dist, offline
//	copy FROM TO                  a whole folder
//
// A leading ! means, as in any testscript, that the command must not succeed.
//
// What does not fit a script (two nodes at once, signals, changed bytes) is a
// test in Go beside it.
package e2e
