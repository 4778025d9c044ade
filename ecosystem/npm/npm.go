// Package npm is the dialect of npm, pnpm and yarn.
//
// What these clients say to a registry was taken down from their own sources
// and from the bodies they send (testdata/captured); the registry's side is
// described in github.com/npm/registry, docs/REGISTRY-API.md and
// docs/responses/package-metadata.md.
//
// A publish is one PUT of a JSON document that carries the tarball as a base64
// string, often many megabytes long. attachment.go takes that string out while
// the body streams by; what is left is small and is parsed strictly.
// tarball.go looks into the tarball and writes the metadata document npm/1:
// the package.json that is really inside, and what its files imply.
// publish.go turns both into facts. Nothing that the request says of the
// package is believed: compare.go holds it against the tarball and reports
// every difference in what it means, after the same normalisation that the
// clients apply (manifest.go), so that an honest client differs in nothing.
//
// Everything else that changes a package is in change.go. npm has no request
// for "delete this version": it sends the whole document back with the version
// left out, and then deletes the tarball. Both halves are understood as what
// they mean, and the second finds its work done.
//
// render.go makes the documents of a package out of parts, one for each full
// chunk of releases and one for each release of the last chunk; version.go
// writes the object of one version. Paths, below "npm/<name>/":
//
//	full.json          GET /<name>
//	abbreviated.json   the same, for Accept: application/vnd.npm.install-v1+json
//	latest.json        GET /<name>/latest
//	dist-tags.json     GET /-/package/<name>/dist-tags
//	visibility.json    GET /-/package/<name>/visibility
//	collaborators.json GET /-/package/<name>/collaborators
//	-/<file>.tgz       the artifacts
//
// and npm/-/keys.json for the registry's signing keys. GET /<name>/<version> is
// not answered: no package manager asks for it, and it would double the number
// of documents.
//
// The identity of a version is its node-semver canonical form, without build
// metadata: for npm 1.0.0+a and 1.0.0+b are one version.
//
// Hole: provenance attestations and private packages are refused, not stored.
package npm

import (
	"strings"

	"deps.dev/util/semver"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// ID is the dialect's name in log entries and scopes.
const ID = "npm"

const (
	maxTarball = 256 << 20 // bytes; the largest packages of the public registry have about half
	maxJSON    = 16 << 20  // bytes of a request body without its tarball
)

// Ecosystem is the npm dialect.
type Ecosystem struct{}

var _ ecosystem.Ecosystem = Ecosystem{}

// Info describes the dialect.
func (Ecosystem) Info() ecosystem.Info {
	return ecosystem.Info{
		ID: ID, Prefix: "/npm/", Clients: "npm, pnpm, yarn", Roots: []string{"-/npm/v1/oidc/"},
		Setup: []string{
			"npm config set registry {url}",
			"yarn config set npmRegistryServer {url}",
		},
		Token: []string{
			"npm config set //{place}:_authToken TOKEN",
			"yarn config set npmAuthToken TOKEN",
		},
		Install:   "npm install {name}",
		MaxUpload: maxTarball/3*4 + maxJSON,
		Checks:    []ecosystem.Hash{ecosystem.SHA1, ecosystem.SHA512},
	}
}

// Compare orders versions as node-semver does.
func (Ecosystem) Compare(a, b string) int {
	a, okA := cleanVersion(a)
	b, okB := cleanVersion(b)
	if !okA || !okB {
		return boolInt(okA) - boolInt(okB)
	}
	return semver.NPM.Compare(a, b)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ArtifactPath is where the tarball lives: npm/@acme/tools/-/tools-1.0.0.tgz.
func (Ecosystem) ArtifactPath(n bonded.Name, version, file string) string {
	return docPath(n, "-/"+file)
}

// docPath is the path of a package's document.
func docPath(n bonded.Name, doc string) string { return ID + "/" + n.Key + "/" + doc }

// urlName is how clients spell a name in a URL: the slash of a scope is escaped.
func urlName(n bonded.Name) string { return strings.Replace(n.Key, "/", "%2f", 1) }
