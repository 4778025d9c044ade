// Package visit is a repository as strangers see it: over HTTP, through the
// protocols that package managers speak, and in no other way. Drills and audits
// are visitors, so whatever they do can be done to any repository.
//
//	Web      the one HTTP client: bounded, polite, and it keeps what it saw
//	Dialect  what one kind of package manager says to a repository
//	Site     one repository in one dialect: a Web, a Dialect and a URL
//
// A dialect here shares no code with the adapter that serves it: a mistake that
// both made would be invisible. It can also say what no honest client says: an
// upload whose request contradicts its bytes, an archive with two entries of
// one name. That is why it takes an [Upload] and not a finished file.
package visit

import (
	"context"
	"errors"
	"fmt"
)

// Dialect is the client's side of one package manager's protocol. An operation
// that the protocol does not have is an error that wraps [ErrNotSpoken].
type Dialect interface {
	// ID is the name of the kind: "npm", "pypi", "go", "cargo", "oci".
	ID() string
	// Find returns the URL, with trailing slash, at which base speaks this
	// dialect; base itself or a usual place below it. "" when it does not.
	Find(ctx context.Context, w *Web, base string) (root string, err error)
	// Names returns packages that are there to be looked at, at most limit, in
	// an order that does not change between two calls: from a listing, a search
	// or a catalog. None is no error.
	Names(ctx context.Context, s *Site, limit int) ([]string, error)
	// Package reads what the index tells an installing client. A name that is
	// not there is an error that wraps [ErrNone].
	Package(ctx context.Context, s *Site, name string) (*Package, error)
	// Publish sends an upload as its owner's client would, lies included. A
	// refusal is an answer, no error.
	Publish(ctx context.Context, s *Site, as Credential, up Upload) (Answer, error)
	// Delete takes a release away; version "" takes the whole package away.
	Delete(ctx context.Context, s *Site, as Credential, name, version string) (Answer, error)
	// Yank marks a release as not to be used, by whatever the dialect calls it:
	// yank, deprecate, retract.
	Yank(ctx context.Context, s *Site, as Credential, name, version string) (Answer, error)
	// Tag points a mutable label at a version: dist-tag, image tag.
	Tag(ctx context.Context, s *Site, as Credential, name, tag, version string) (Answer, error)
}

// ErrNotSpoken says that the dialect has no such operation.
var ErrNotSpoken = errors.New("this kind of repository has no such operation")

// ErrNone says that the repository has no such package.
var ErrNone = errors.New("there is no such package")

// Credential is what somebody shows: "" for nobody, "USER:PASSWORD" for
// HTTP Basic, anything else a token, sent by the dialect's own habit.
type Credential string

// Site is one repository in one dialect.
type Site struct {
	Dialect Dialect
	// Root is where the dialect lives, with trailing slash; Base is the URL of
	// the whole repository, with trailing slash.
	Root, Base string
	Web        *Web
}

// Landmarks is a dialect in which a repository without packages looks like no
// repository. One that pulls through is recognised when its upstream has these
// files, path to body.
type Landmarks interface {
	Landmarks() map[string][]byte
}

// At finds the dialect under a URL.
func At(ctx context.Context, w *Web, d Dialect, base string) (*Site, error) {
	root, err := d.Find(ctx, w, base)
	if err != nil {
		return nil, fmt.Errorf("looking for %s at %s: %w", d.ID(), base, err)
	}
	if root == "" {
		return nil, fmt.Errorf("looking for %s at %s: %w", d.ID(), base, ErrNotSpoken)
	}
	return &Site{Dialect: d, Root: root, Base: base, Web: w}, nil
}

// Via is the same site seen through another base URL: a mirror, or somebody in
// between.
func (s *Site) Via(ctx context.Context, base string) (*Site, error) {
	return At(ctx, s.Web, s.Dialect, base)
}

// Package reads the index of a package.
func (s *Site) Package(ctx context.Context, name string) (*Package, error) {
	return s.Dialect.Package(ctx, s, name)
}

// Publish sends an upload.
func (s *Site) Publish(ctx context.Context, as Credential, up Upload) (Answer, error) {
	return s.Dialect.Publish(ctx, s, as, up)
}

// Fetcher is a dialect in which reading a file takes more than its URL.
type Fetcher interface {
	Fetch(ctx context.Context, s *Site, f File) (Response, error)
}

// Fetch reads a file whose URL an index told, as an installing client does.
func (s *Site) Fetch(ctx context.Context, f File) (Response, error) {
	if d, ok := s.Dialect.(Fetcher); ok {
		return d.Fetch(ctx, s, f)
	}
	return s.Web.Do(ctx, Request{Method: "GET", URL: f.URL})
}

// Upload is one release to publish, honest unless told otherwise.
type Upload struct {
	Name, Version string
	// Canary stands in the package's one ordinary file, so that bytes can be
	// told apart.
	Canary string
	// Form picks the kind of file where a dialect has several: "wheel" or
	// "sdist". Empty: the usual one.
	Form string
	// File overrides the artifact's file name.
	File string
	// Tag is the label to publish under; empty: the usual one.
	Tag string
	// Inside is what the manifest in the artifact says beyond name and version.
	Inside Manifest
	// Claimed is what the request around the artifact says; nil: what Inside
	// says. Empty fields of it are empty in the request.
	Claimed *Manifest
	// Members are further archive entries, written as they are.
	Members []Member
	// Mangle changes the finished archive; digests are of what it returns.
	Mangle func([]byte) []byte
	// Lie makes the request state a digest that the bytes do not have.
	Lie bool
}

// Manifest is what decides how a release is resolved and installed.
type Manifest struct {
	// Name and Version override those of the upload: a manifest that says it is
	// somebody else. Empty: the upload's.
	Name, Version string
	Description   string
	// Dependencies are name to range, in the dialect's own notation.
	Dependencies map[string]string
	// Script is a command that runs at install, where the dialect has such.
	Script string
	// Requires is the language version that it says it needs.
	Requires string
}

// MemberKind is what kind of thing an archive entry is.
type MemberKind int

const (
	Regular MemberKind = iota
	Symlink
	Hardlink
	Directory
)

// Member is one archive entry.
type Member struct {
	Name string // as written: "../x", "/etc/x", anything
	Kind MemberKind
	Link string // target of a link
	Body []byte
	// Zeros follow Body, bytes: the archive is small, what it unpacks to is not.
	Zeros int64
}

// Answer is what a repository answered to a change.
type Answer struct {
	Status int
	// Text is what the client would show its user.
	Text string
}

// Taken reports whether the repository accepted it.
func (a Answer) Taken() bool { return a.Status >= 200 && a.Status < 300 }

// Refused reports whether it said no; an answer of 500 and above is neither.
func (a Answer) Refused() bool { return a.Status >= 400 && a.Status < 500 }

func (a Answer) String() string { return fmt.Sprintf("%d %s", a.Status, a.Text) }

// Package is what an index tells about a package.
type Package struct {
	Name     string
	Releases []Release // in the order of the index
	Tags     map[string]string
	// Status is the state of the whole package where the index tells one:
	// "archived", "quarantined", "deprecated".
	Status string
	// Index is the answer it was read from.
	Index Response
}

// Release finds a version; nil when the index does not list it.
func (p *Package) Release(version string) *Release {
	for i := range p.Releases {
		if p.Releases[i].Version == version {
			return &p.Releases[i]
		}
	}
	return nil
}

// Release is one version as the index tells it.
type Release struct {
	Version string
	Files   []File
	// Time is when the index says it was published, RFC 3339; "" when it does not.
	Time     string
	Yanked   bool
	Manifest Manifest // as far as the index tells
	// Scripts says that the index warns of an install script.
	Scripts bool
}

// File is one artifact as the index tells it.
type File struct {
	Name string
	URL  string // absolute
	// Digests are algorithm to value, lower-case hex: "sha256", "sha512", "sha1", "md5", "h1".
	Digests map[string]string
	Size    int64 // 0: not told
	// Signatures are the repository's own signatures over the file, as told.
	Signatures []Signature
	// Provenance is where its attestations are; "" when the index tells none.
	Provenance string
	// Metadata is where the index serves what the file says of itself, for
	// installers that resolve without fetching it; "" when it does not.
	Metadata string
}

// Signature is a repository's signature as the index tells it.
type Signature struct{ KeyID, Value string }
