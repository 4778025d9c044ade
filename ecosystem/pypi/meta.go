package pypi

import (
	"encoding/hex"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev"
)

// extractor names the rules by which extract is computed from the bytes. An
// auditor who has the artifact computes the same document.
const extractor = "pypi/1"

// extract is the metadata of one file as it stands in the log's documents:
// canonical JSON (RFC 8785). Names of people are left out; they stand in the
// artifact and nowhere else for ever.
type extract struct {
	Extractor         string   `json:"extractor"`
	Filetype          string   `json:"filetype"`
	Name              string   `json:"name"`
	Version           string   `json:"version"` // normal form, with the zeros at its end
	Build             string   `json:"build,omitzero"`
	Tags              string   `json:"tags,omitzero"`
	MetadataVersion   string   `json:"metadata-version,omitzero"`
	RequiresPython    string   `json:"requires-python,omitzero"`
	RequiresDist      []string `json:"requires-dist,omitzero"`
	ProvidesExtra     []string `json:"provides-extra,omitzero"`
	RequiresExternal  []string `json:"requires-external,omitzero"`
	Dynamic           []string `json:"dynamic,omitzero"`
	ImportName        []string `json:"import-name,omitzero"`
	ImportNamespace   []string `json:"import-namespace,omitzero"`
	Summary           string   `json:"summary,omitzero"`
	Keywords          []string `json:"keywords,omitzero"`
	License           string   `json:"license,omitzero"`
	LicenseExpression string   `json:"license-expression,omitzero"`
	Homepage          string   `json:"homepage,omitzero"`
	ProjectURL        []string `json:"project-url,omitzero"`
	Classifier        []string `json:"classifier,omitzero"`
	// CoreMetadata is of the METADATA that is served beside a wheel.
	CoreMetadata *served `json:"core-metadata,omitzero"`
	MD5          string  `json:"md5"`
	BLAKE2b      string  `json:"blake2b-256"`
}

type served struct {
	SHA256 string `json:"sha256"`
	Size   int    `json:"size"`
}

// largestExtract bounds the document, bytes: each page that shows a file reads it.
const largestExtract = 1 << 20

func (d *dist) servesMetadata() bool { return d.file.kind == wheelType && d.in.text != nil }

func (d *dist) extract(kept bonded.Kept) ([]byte, error) {
	m := d.meta
	x := extract{
		Extractor: extractor, Filetype: d.file.kind, Name: m.name, Version: m.version.String(),
		Build: d.file.build, Tags: d.file.tags,
		MetadataVersion: m.get("metadata-version"), RequiresPython: m.get("requires-python"),
		RequiresDist: m.all("requires-dist"), ProvidesExtra: m.all("provides-extra"),
		RequiresExternal: m.all("requires-external"), Dynamic: m.all("dynamic"),
		ImportName: m.all("import-name"), ImportNamespace: m.all("import-namespace"),
		Summary: m.get("summary"), Keywords: m.keywords(), License: m.license(),
		LicenseExpression: m.get("license-expression"), Homepage: m.homepage(),
		ProjectURL: m.all("project-url"), Classifier: m.all("classifier"),
		MD5: hex.EncodeToString(kept.MD5[:]), BLAKE2b: hex.EncodeToString(kept.BLAKE2b[:]),
	}
	if d.servesMetadata() {
		x.CoreMetadata = &served{bonded.DigestOf(d.in.text).Hex(), len(d.in.text)}
	}
	b, err := json.Marshal(x)
	if err != nil {
		return nil, fmt.Errorf("write metadata of %s: %w", d.file, err)
	}
	if len(b) > largestExtract {
		d.found.add(bonded.Bound, "metadata-size", d.in.path, "its fields take %d bytes, more than %d", len(b), largestExtract)
	}
	v := jsontext.Value(b)
	if err := v.Canonicalize(); err != nil {
		return nil, fmt.Errorf("write metadata of %s: %w", d.file, err)
	}
	return v, nil
}

// readExtract reads the document again.
func readExtract(b []byte) (x extract, err error) {
	if err := json.Unmarshal(b, &x); err != nil {
		return x, fmt.Errorf("read metadata document: %w", err)
	}
	return x, nil
}
