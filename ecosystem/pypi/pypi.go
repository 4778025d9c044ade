// Package pypi speaks the dialect of pip, uv and twine: the simple repository
// API in HTML and JSON, and the upload form.
//
// The way in (upload.go, draft.go): the form of a legacy upload streams its
// file into quarantine; then the file itself is opened (wheel.go, sdist.go,
// record.go) and its METADATA or PKG-INFO read (metadata.go). What stands there
// decides everything; what the form says is compared and a difference reported.
//
// The way out (render.go, house.go): a page for each project and one for all,
// in both serializations, and beside each wheel its METADATA.
//
// Decisions that others can see:
//
//   - A version's identity, the Version of a log entry, is its normal form
//     without zeros at the end of the release number, as
//     packaging.utils.canonicalize_version writes it: 1.0 and 1.0.0 are one
//     version to every resolver and must not become two releases. Pages show
//     the spelling of the file names. A second spelling of a published version
//     is reported.
//   - Files are kept under their normal spelling (see distFile.String); the
//     bytes are not touched. PyYAML-6.0-cp39-... is served as pyyaml-6.0-cp39-...
//   - Local versions (1.0+acme.2) are taken: private builds of foreign projects
//     are what PEP 440 made them for and what internal repositories hold. But
//     never beside their public version: "==1.0" matches both.
//   - A project that was ever claimed keeps its page for ever, empty when all
//     its files are gone. A 404 would send clients with several indexes on to
//     the next one, where the name may belong to somebody else.
//   - METADATA is served beside wheels (PEP 658, 714). PKG-INFO of source
//     distributions is not, though PEP 643 would let some be: building may
//     change whatever is marked Dynamic.
//   - Pages name repository version 1.4 (PEP 792). They have no "tracks"
//     (PEP 708), for nothing here comes from elsewhere, and no provenance yet:
//
// Hole: attestations that come with an upload (PEP 740) are dropped, as are
// OpenPGP signatures. Pages show nothing of them, so nobody is misled.
//
// Not spoken: the unstandardised project documents NAME/json, whose readers
// fall back to the simple API; XML-RPC, save for an answer that "pip search"
// prints; eggs, installers and zip source distributions.
package pypi

import (
	"bonded.dev"
	"bonded.dev/ecosystem"
)

const id = "pypi"

const (
	largestFile = 1 << 30  // bytes of one distribution
	largestForm = 32 << 20 // bytes of an upload's other fields; the description is one
)

// Ecosystem is the dialect. It has no state.
type Ecosystem struct{}

var _ ecosystem.Ecosystem = Ecosystem{}

// Info describes the dialect.
func (Ecosystem) Info() ecosystem.Info {
	return ecosystem.Info{
		ID: id, Prefix: "/pypi/", Clients: "pip, uv, twine", Roots: []string{"_/oidc/"},
		Setup: []string{
			"pip config set global.index-url {url}simple/",
			"twine upload --repository-url {url}upload/ dist/*",
			"uv publish --publish-url {url}upload/",
		},
		Token: []string{
			"export TWINE_USERNAME=__token__ TWINE_PASSWORD=TOKEN",
			"export UV_PUBLISH_TOKEN=TOKEN",
		},
		Install:   "pip install {name}",
		MaxUpload: largestFile + largestForm,
		Checks:    []ecosystem.Hash{ecosystem.MD5, ecosystem.BLAKE2b},
	}
}

// ArtifactPath is where a file's bytes live.
func (Ecosystem) ArtifactPath(n bonded.Name, _, file string) string {
	return id + "/files/" + n.Key + "/" + file
}
