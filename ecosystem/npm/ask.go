package npm

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// Operations, for Draft and Reply. Where a URL carries the revision that the
// client read, it is in Ask.Tag.
const (
	opPut        = "put"         // PUT /<name>: a publish, or a document with other deprecation messages
	opUpdate     = "update"      // PUT /<name>/-rev/<rev>: a document with versions left out
	opDelete     = "delete"      // DELETE /<name>/-rev/<rev>
	opDeleteFile = "delete-file" // DELETE /<name>/-/<file>/-rev/<rev>
	opTag        = "tag"
	opUntag      = "untag"

	opProfile   = "profile"
	opLogin     = "login"
	opAudit     = "audit"
	opTokens    = "tokens"
	opUsers     = "users"
	opAccess    = "access"
	opStaging   = "staging"
	opExchange  = "exchange"
	opLoginDone = "login-done"
	opUser      = "user"
)

const (
	typeJSON        = "application/json"
	typeAbbreviated = "application/vnd.npm.install-v1+json"
	typeTarball     = "application/octet-stream"

	searchSize    = 20
	maxSearchSize = 250
)

// Ask reads a request. What clients ask is in their sources: pacote
// lib/registry.js, libnpmpublish, libnpmaccess, npm-profile and npm
// lib/commands; pnpm and yarn use a part of it.
func (e Ecosystem) Ask(r ecosystem.Request) (ecosystem.Ask, error) {
	segs, err := segments(r.Path)
	if err != nil {
		return ecosystem.Ask{}, err
	}
	get := r.Method == "GET" || r.Method == "HEAD"
	if segs[0] == "-" {
		return e.askRegistry(r, segs[1:], get)
	}
	raw, rest := takeName(segs)
	n, err := e.Name(raw)
	if err != nil && get {
		return ecosystem.Ask{}, noSuch(err)
	}
	if err != nil {
		return ecosystem.Ask{}, err
	}
	a, err := askPackage(r, n, rest, get)
	return proved(r, a), err
}

// proved adds the one-time password (npm-registry-fetch lib/index.js) of what
// changes something. On reading the header is not looked at: answers would be
// remembered by it.
func proved(r ecosystem.Request, a ecosystem.Ask) ecosystem.Ask {
	if a.Verb == ecosystem.Publish || a.Verb == ecosystem.Change || a.Verb == ecosystem.Owners {
		a.Proof = r.Header("npm-otp")
	}
	return a
}

// noSuch turns a broken rule into "not found": on reading, that is all it means.
func noSuch(err error) error {
	_, _, public := bonded.Explain(err)
	return bonded.Errorf(bonded.NotFound, "%s", public)
}

// segments unescapes a path. npm escapes the slash of a scoped name, yarn and
// people do not.
func segments(path string) ([]string, error) {
	segs := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for i, s := range segs {
		s, err := url.PathUnescape(s)
		if err != nil || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			return nil, bonded.Errorf(bonded.NotFound, "%+q is no path of this registry", clip(path))
		}
		segs[i] = s
	}
	return segs, nil
}

// takeName takes a package name off the front.
func takeName(segs []string) (string, []string) {
	if strings.HasPrefix(segs[0], "@") && !strings.Contains(segs[0], "/") && len(segs) > 1 {
		return segs[0] + "/" + segs[1], segs[2:]
	}
	return segs[0], segs[1:]
}

func askPackage(r ecosystem.Request, n bonded.Name, rest []string, get bool) (ecosystem.Ask, error) {
	a := ecosystem.Ask{Name: n}
	fetch := func(doc, media string) (ecosystem.Ask, error) {
		a.Verb, a.Path, a.Type = ecosystem.Fetch, docPath(n, doc), media
		return a, nil
	}
	is := func(method string, pattern ...string) bool {
		return (r.Method == method || method == "GET" && get) && match(rest, pattern)
	}
	switch {
	case is("GET"):
		if r.Query.Get("write") != "true" && wantsAbbreviated(r.Header("Accept")) {
			return fetch("abbreviated.json", typeAbbreviated)
		}
		return fetch("full.json", typeJSON)
	case is("GET", "latest"):
		return fetch("latest.json", typeJSON)
	case is("GET", "-", "*"), is("GET", "-", "*", "*"):
		return askFile(a, rest[1:])
	case is("PUT"):
		a.Verb, a.Op, a.Auth = ecosystem.Publish, opPut, true
	case is("PUT", "-rev", "*") && r.Header("npm-command") == "owner":
		// npm owner writes the document back with other maintainers and nothing else.
		a.Verb, a.Auth, a.Member = ecosystem.Owners, true, "maintainers"
	case is("PUT", "-rev", "*"):
		a.Verb, a.Op, a.Auth, a.Tag = ecosystem.Change, opUpdate, true, rest[1]
	case is("DELETE", "-rev", "*"):
		a.Verb, a.Op, a.Auth, a.Tag = ecosystem.Change, opDelete, true, rest[1]
	case is("DELETE", "-", "*", "-rev", "*"), is("DELETE", "-", "*", "*", "-rev", "*"):
		rev := rest[len(rest)-1]
		a, err := askFile(a, rest[1:len(rest)-2])
		a.Verb, a.Op, a.Auth, a.Tag, a.Artifact, a.Path, a.Type = ecosystem.Change, opDeleteFile, true, rev, false, "", ""
		return a, err
	default:
		return a, notHere(r)
	}
	return a, nil
}

// match compares segments with a pattern in which "*" stands for one segment.
func match(segs, pattern []string) bool {
	if len(segs) != len(pattern) {
		return false
	}
	for i, p := range pattern {
		if p != "*" && p != segs[i] {
			return false
		}
	}
	return true
}

func notHere(r ecosystem.Request) error {
	return bonded.Errorf(bonded.NotFound, "this registry has no %s %s", printable(r.Method), printable(r.Path))
}

// askFile asks for a tarball. Lock files of some clients spell the scope again:
// /@acme/tools/-/@acme/tools-1.0.0.tgz.
func askFile(a ecosystem.Ask, file []string) (ecosystem.Ask, error) {
	a.File = strings.TrimPrefix(strings.Join(file, "/"), strings.TrimSuffix(a.Name.Key, baseName(a.Name)))
	version, ok := strings.CutPrefix(a.File, baseName(a.Name)+"-")
	version, tgz := strings.CutSuffix(version, ".tgz")
	if clean, valid := cleanVersion(version); !ok || !tgz || !valid || clean != version {
		return a, bonded.Errorf(bonded.NotFound, "%s has no file %+q", a.Name.Key, clip(a.File))
	}
	a.Verb, a.Artifact, a.Version, a.Type = ecosystem.Fetch, true, version, typeTarball
	a.Path = Ecosystem{}.ArtifactPath(a.Name, version, a.File)
	return a, nil
}

// wantsAbbreviated reads an Accept header (RFC 9110 section 12.5.1) as far as
// it can choose between the two forms of a package's document.
func wantsAbbreviated(accept string) bool {
	abbreviated, full := -1.0, 0.0
	for item := range strings.SplitSeq(accept, ",") {
		media, params, _ := strings.Cut(item, ";")
		q := 1.0
		for p := range strings.SplitSeq(params, ";") {
			if v, ok := strings.CutPrefix(strings.TrimSpace(p), "q="); ok {
				if f, err := strconv.ParseFloat(v, 64); err == nil {
					q = f
				}
			}
		}
		switch strings.ToLower(strings.TrimSpace(media)) {
		case typeAbbreviated:
			abbreviated = q
		case typeJSON:
			full = q
		}
	}
	return abbreviated > 0 && abbreviated >= full
}

// askRegistry reads what stands below "/-/".
func (e Ecosystem) askRegistry(r ecosystem.Request, segs []string, get bool) (ecosystem.Ask, error) {
	if len(segs) >= 2 && segs[0] == "package" {
		raw, rest := takeName(segs[1:])
		n, err := e.Name(raw)
		if err != nil {
			return ecosystem.Ask{}, noSuch(err)
		}
		a, err := askPackageSettings(r, n, rest, get)
		return proved(r, a), err
	}
	if r.Method == "POST" && len(segs) > len(exchangePath) && slices.Equal(segs[:len(exchangePath)], exchangePath) {
		return e.askExchange(r, segs[len(exchangePath):])
	}
	answer := func(op string) (ecosystem.Ask, error) {
		return ecosystem.Ask{Verb: ecosystem.Answer, Op: op}, nil
	}
	path := strings.Join(segs, "/")
	switch {
	case get && path == "ping":
		return ecosystem.Ask{Verb: ecosystem.Ping}, nil
	case get && path == "whoami":
		return ecosystem.Ask{Verb: ecosystem.Whoami, Auth: true}, nil
	case get && path == "npm/v1/user":
		return ecosystem.Ask{Verb: ecosystem.Whoami, Op: opProfile, Auth: true}, nil
	case get && path == "npm/v1/keys":
		return ecosystem.Ask{Verb: ecosystem.Fetch, Path: keysPath, Type: typeJSON}, nil
	case get && path == "v1/search":
		return askSearch(r.Query), nil
	case r.Method == "POST" && path == "v1/login":
		return ecosystem.Ask{Verb: ecosystem.Login}, nil
	case get && path == donePath:
		return ecosystem.Ask{Verb: ecosystem.LoginDone, Op: opLoginDone, Secret: r.Query.Get("secret")}, nil
	case get && path == "npm/v1/tokens":
		return ecosystem.Ask{Verb: ecosystem.Tokens, Auth: true}, nil
	case r.Method == "DELETE" && len(segs) == 5 && strings.HasPrefix(path, "npm/v1/tokens/token/"):
		return ecosystem.Ask{Verb: ecosystem.Revoke, Auth: true, Secret: segs[4]}, nil
	case r.Method == "DELETE" && len(segs) == 3 && strings.HasPrefix(path, "user/token/"):
		return ecosystem.Ask{Verb: ecosystem.Revoke, Auth: true, Secret: segs[2]}, nil
	case r.Method == "PUT" && strings.HasPrefix(path, "user/org.couchdb.user:"):
		return answer(opLogin)
	case r.Method == "POST" && strings.HasPrefix(path, "npm/v1/security/"):
		return answer(opAudit)
	case strings.HasPrefix(path, "npm/v1/tokens"), strings.HasPrefix(path, "user/token/"), path == "npm/v1/user":
		return answer(opTokens)
	case get && strings.HasPrefix(path, "user/org.couchdb.user:"):
		// npm owner asks who somebody is before it reads the owners. The answer is
		// the name that was asked for: it tells nobody who has an account.
		return ecosystem.Ask{Verb: ecosystem.Answer, Op: opUser, Auth: true, Tag: strings.TrimPrefix(segs[1], "org.couchdb.user:")}, nil
	case strings.HasPrefix(path, "user/"), strings.HasPrefix(path, "org/"), strings.HasPrefix(path, "team/"):
		return answer(opUsers)
	case strings.HasPrefix(path, "stage/"), path == "stage":
		return answer(opStaging)
	}
	return ecosystem.Ask{}, notHere(r)
}

// donePath, below "/-/", is where a client that began a log-in asks if its person
// has answered. Clients take the address from the answer to the beginning.
const donePath = "v1/done"

// exchangePath stands below "/-/": npm lib/utils/oidc.js. npm asks for it at the
// root of the host, whatever the path of the registry is.
var exchangePath = strings.Split("npm/v1/oidc/token/exchange/package", "/")

// askExchange is a build job's question before it publishes. npm asks its
// platform for the audience "npm:" and the host, and sends the identity token
// as if it were an access token.
func (e Ecosystem) askExchange(r ecosystem.Request, segs []string) (ecosystem.Ask, error) {
	raw, rest := takeName(segs)
	if len(rest) > 0 {
		return ecosystem.Ask{}, notHere(r)
	}
	n, err := e.Name(raw)
	return ecosystem.Ask{Verb: ecosystem.Exchange, Op: opExchange, Name: n, Audience: "npm:"}, err
}

// askPackageSettings reads what stands below "/-/package/<name>/".
func askPackageSettings(r ecosystem.Request, n bonded.Name, rest []string, get bool) (ecosystem.Ask, error) {
	a := ecosystem.Ask{Name: n}
	switch {
	case get && match(rest, []string{"dist-tags"}), get && match(rest, []string{"visibility"}), get && match(rest, []string{"collaborators"}):
		a.Verb, a.Path, a.Type = ecosystem.Fetch, docPath(n, rest[0]+".json"), typeJSON
	case match(rest, []string{"dist-tags", "*"}) && (r.Method == "PUT" || r.Method == "POST"):
		a.Verb, a.Op, a.Auth, a.Tag = ecosystem.Change, opTag, true, rest[1]
	case match(rest, []string{"dist-tags", "*"}) && r.Method == "DELETE":
		a.Verb, a.Op, a.Auth, a.Tag = ecosystem.Change, opUntag, true, rest[1]
	case match(rest, []string{"access"}), match(rest, []string{"collaborators"}), match(rest, []string{"visibility"}):
		a.Verb, a.Op = ecosystem.Answer, opAccess
	default:
		return a, notHere(r)
	}
	return a, nil
}

func askSearch(q url.Values) ecosystem.Ask {
	number := func(key string, otherwise, most int) int {
		n, err := strconv.Atoi(q.Get(key))
		if err != nil || n < 0 {
			return otherwise
		}
		return min(n, most)
	}
	return ecosystem.Ask{Verb: ecosystem.Search, Query: ecosystem.Query{
		Text: strings.TrimSpace(q.Get("text")),
		From: number("from", 0, 1<<20), Size: number("size", searchSize, maxSearchSize),
	}}
}
