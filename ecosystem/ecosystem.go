// Package ecosystem says what a dialect is. An adapter (ecosystem/npm,
// ecosystem/pypi, ...) translates between one family of package managers and
// the house: a URL becomes an [Ask], an upload becomes a bonded.Draft, state
// becomes [Document] values, an outcome becomes the client's own words.
//
// An adapter holds no state, opens nothing (no file, socket, process or
// database: a test holds it to that) and decides nothing. It reports what it
// sees; controls judge. So the same code serves, verifies, audits and is fuzzed.
//
// An upload in many requests (many PUTs, chunked sessions) is a row of Stage
// asks whose bytes the desk keeps under one upload, and one last Publish ask
// that drafts from all of them; see docs/decisions/0005.
package ecosystem

import (
	"context"
	"io"
	"net/url"
	"time"

	"bonded.dev"
)

// Ecosystem is one dialect.
type Ecosystem interface {
	Info() Info
	Grammar
	Wire
	Index
}

// Info describes the dialect to the rooms that mount and print it.
type Info struct {
	ID     string // "npm": in names, log entries, scopes
	Prefix string // "/npm/": where it is mounted
	// Roots are paths below the root of the host, without leading slash and with
	// trailing one, that its clients ask for wherever the dialect is mounted.
	// They reach Ask as they stand.
	Roots   []string
	Clients string // "npm, pnpm, yarn": for people
	// Setup are the commands that point a client here, for people; "{url}"
	// stands for the URL of the dialect, with trailing slash.
	Setup []string
	// Token are the commands that give a client its token, for people. TOKEN
	// stands for it, "{url}" as above, "{place}" for the URL without its scheme.
	Token []string
	// Install is the command that installs the package "{name}", for people.
	Install string
	// MaxUpload bounds one request body, bytes.
	MaxUpload int64
	// Checks names the digests that its uploads carry or its documents show,
	// besides SHA-256; bytes are hashed once, with these.
	Checks []Hash
}

// Hash is a digest algorithm that a dialect needs besides SHA-256.
type Hash int

const (
	MD5 Hash = iota
	SHA1
	SHA512
	BLAKE2b
)

// Grammar is what names and versions mean.
type Grammar interface {
	// Name reads a package name as a person or client writes it. An error is
	// *bonded.Error of kind Invalid and says which rule was broken.
	Name(raw string) (bonded.Name, error)
	// Compare orders two versions; what it cannot read sorts first.
	Compare(a, b string) int
}

// Wire is the protocol that clients speak.
type Wire interface {
	// Ask reads what a request wants from its method, path, query and headers.
	// NotFound and Invalid errors are answered by Reply like any other.
	Ask(Request) (Ask, error)
	// Draft reads the body of a Publish or Change ask. The bytes of artifacts
	// go to up.Keep while they stream. The name it returns is the one found in
	// the bytes; where the URL or form names another, that is an anomaly.
	Draft(ctx context.Context, a Ask, up Upload) (bonded.Draft, error)
	// Reply says an outcome in the client's own words.
	Reply(Outcome) Response
}

// Index turns state into the documents that clients read.
type Index interface {
	// Render returns the documents of one package that depend on facts at or
	// after log index since; zero renders all. It is a pure function of its
	// arguments: same state, same bytes.
	Render(p *bonded.Package, h *bonded.House, docs Docs, since uint64) ([]Document, error)
	// RenderHouse returns the documents about the whole repository.
	RenderHouse(h *bonded.House, docs Docs) ([]Document, error)
	// ArtifactPath is where a file's bytes live: its public URL path without
	// the leading slash, which is also its key in the blob store.
	ArtifactPath(n bonded.Name, version, file string) string
}

// Docs looks up content-addressed documents that entries refer to. A deleted
// document is an error of kind NotFound.
type Docs interface {
	Doc(bonded.Digest) ([]byte, error)
}

// Verb is what kind of thing a request wants.
type Verb int

const (
	Fetch     Verb = iota + 1 // a document or an artifact: Path
	Publish                   // an upload: Draft
	Change                    // tags, deprecation, yanks, deletion: Draft
	Stage                     // part of an upload in many requests
	Search                    // Query
	Whoami                    //
	Ping                      //
	Answer                    // a constant answer that Reply knows, no state needed
	Audience                  // which audience an identity token needs: Outcome.Audience
	Exchange                  // an identity token of a build job for an upload token
	Login                     // begins a log-in that a person allows on a page: Outcome.Login
	LoginDone                 // whether the person did, by Ask.Secret: Outcome.Login, Outcome.Token
	Tokens                    // the tokens that the caller may see: Outcome.Tokens
	Revoke                    // ends one of them, by Ask.Secret: its id, or the token
	Owners                    // who should look after Ask.Name: names in Ask.Member of the JSON body
)

// Request is an HTTP request as far as a dialect may see it.
type Request struct {
	Method string
	// Path is the escaped path below the dialect's prefix, without leading
	// slash, exactly as the client sent it.
	Path   string
	Query  url.Values
	Header func(string) string
}

// Ask is what a request wants.
type Ask struct {
	Verb Verb
	Name bonded.Name // as far as the URL tells
	// Path is the key of the document or artifact to serve (Fetch).
	Path string
	// Type is the media type that Path is served with (Fetch): for a document
	// the Type it is rendered with. Empty: by the ending of Path.
	Type string
	// Artifact says that Path holds an immutable file: it is counted as a
	// download of Name, Version and may be cached for ever.
	Artifact bool
	Version  string
	// Redirect, when set, is answered with 301: a canonical spelling of the URL,
	// relative to the URL that was asked for (RFC 3986 section 4.2).
	Redirect string
	// Op tells Draft and Reply which of the dialect's operations it is.
	Op    string
	Tag   string
	File  string
	Query Query
	// Auth asks for a valid credential before the body is read.
	Auth bool
	// Proof is a one-time proof of a person that the client sent beside its
	// credential, such as a code that was typed a moment ago; empty: none.
	Proof string
	// Secret is what the client goes on with (LoginDone), or what it wants ended
	// (Revoke). It stands in no log.
	Secret string
	// Audience is what the client's own flow puts before the host in the audience
	// of an identity token (Exchange). Member is the member of the JSON body that
	// carries the token; empty: it is the bearer token of the request. Of Owners it
	// is a list of objects, each with a member "name".
	Audience string
	Member   string
	// Form is the content type of the body.
	Form string
}

// Query is a search.
type Query struct {
	Text string
	From int
	Size int
}

// Upload is what Draft may use: the body, the past, and a place for bytes.
type Upload struct {
	Body io.Reader
	// Keep streams an artifact into quarantine and hashes it once. It takes at
	// most limit bytes; more is an error of kind TooLarge.
	Keep func(r io.Reader, limit int64) (bonded.Kept, error)
	// Open reads kept bytes again, to look inside.
	Open func(bonded.Kept) (io.ReaderAt, error)
	// Past is the state of a package; never nil, Head is 0 for a new name.
	Past func(bonded.Name) (*bonded.Package, error)
	Docs Docs
}

// Outcome is what came of a request; Reply says it in the client's words.
type Outcome struct {
	Ask     Ask
	Err     error // *bonded.Error for the public text
	User    string
	Receipt bonded.Receipt
	Hits    []Hit // Search
	Total   int
	Base    string // public URL of the repository, with trailing slash
	// Audience is what identity tokens must be made for (Audience), Token the
	// upload token and Ends when it does (Exchange).
	Audience string
	Token    string
	Ends     time.Time
	// Login is a log-in that was begun (Login) or is asked about (LoginDone). With
	// an Err of the control step-up it is how the client gets the proof that was
	// missing: its person opens Page, and LoginDone then has the proof as Token.
	Login  Pending
	Tokens []Token // Tokens
	// Said is what came of it, for people, where the client's own words would say
	// too much (Owners); empty: nothing more.
	Said string
}

// Pending is a person's answer that a client waits for.
type Pending struct {
	Page   string // where the person goes, URL; empty: there is none
	Code   string // that the page asks for; empty: none
	Secret string // for Ask.Secret
	State  string // of LoginDone: empty, PendingWaits, PendingRefused, PendingOver
}

// States of a person's answer. Once it came the state is empty.
const (
	PendingWaits   = "waits"
	PendingRefused = "refused"
	PendingOver    = "over" // it expired, or was fetched already
)

// Token is a token without its secret.
type Token struct {
	ID       string
	Label    string
	Created  time.Time
	Expires  time.Time
	Networks []string // CIDR; none: everywhere
	Reads    bool     // it can change nothing
}

// Staged says what happens to a release that was taken and waits: which one, for
// whom, and where. Clients that print nothing of a success never show it, so
// that whoever may approve it is told by other ways too.
func (o Outcome) Staged() string {
	return "staged: " + o.Receipt.Release + " is not published yet and waits for the approval of another owner, at " + o.Base + "review/" + o.Receipt.Staged
}

// Hit is one package that a search found.
type Hit struct {
	Name    bonded.Name
	Summary bonded.Summary
	// Updated is when its newest release was logged, Unix seconds.
	Updated int64
}

// Response is a small answer, rendered on the spot. Everything that an install
// needs is a Document instead.
type Response struct {
	Status int
	Type   string
	Body   []byte
	Header map[string]string
	// Reason takes the place of the standard reason phrase in an HTTP/1.1 status
	// line (RFC 9112 section 4), for clients that show it and not the body: twine
	// and pip. Empty: the standard phrase. One line of printable ASCII.
	Reason string
}

// Document is one file of the static repository.
type Document struct {
	Path string // key in the blob store, for example "npm/left-pad/full.json"
	Type string // media type it is served with
	// URL and Accept say how a client asks for it, so that anyone can compare
	// what is served with what was computed. URL is relative to the public URL.
	URL    string
	Accept string
	// Gone says that the document must not be there any more.
	Gone bool
	// Parts are concatenated. An unchanged part is neither rendered nor
	// compressed again.
	Parts []Part
}

// Part is a run of a document's bytes.
type Part struct {
	// Key identifies the bytes within the document: equal key, equal bytes.
	// An empty key is never reused.
	Key   string
	Bytes func() ([]byte, error)
}

// Text is a part that is cheap to make and not worth remembering.
func Text(b []byte) Part {
	return Part{Bytes: func() ([]byte, error) { return b, nil }}
}
