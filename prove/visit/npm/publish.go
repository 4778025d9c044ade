package npm

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev/prove/visit"
)

// manifest is a package.json, and what stands for it in a request.
type manifest struct {
	Name         string            `json:"name"`
	Version      string            `json:"version"`
	Description  string            `json:"description,omitzero"`
	Main         string            `json:"main,omitzero"`
	Scripts      map[string]string `json:"scripts,omitzero"`
	Engines      map[string]string `json:"engines,omitzero"`
	Dependencies map[string]string `json:"dependencies,omitzero"`

	// Of the request alone.
	ID          string     `json:"_id,omitzero"`
	NodeVersion string     `json:"_nodeVersion,omitzero"`
	NPMVersion  string     `json:"_npmVersion,omitzero"`
	Dist        *published `json:"dist,omitzero"`
}

type published struct {
	Integrity string `json:"integrity"`
	Shasum    string `json:"shasum"`
	Tarball   string `json:"tarball"`
}

// document is the body of a publish (libnpmpublish, lib/publish.js).
type document struct {
	ID          string                `json:"_id"`
	Name        string                `json:"name"`
	Description string                `json:"description,omitzero"`
	Tags        map[string]string     `json:"dist-tags"`
	Versions    map[string]manifest   `json:"versions"`
	Access      jsontext.Value        `json:"access"`
	Attachments map[string]attachment `json:"_attachments"`
}

type attachment struct {
	Type   string `json:"content_type"`
	Data   []byte `json:"data"` // base64
	Length int    `json:"length"`
}

func manifestOf(up visit.Upload, m visit.Manifest) manifest {
	out := manifest{
		Name: cmp.Or(m.Name, up.Name), Version: cmp.Or(m.Version, up.Version),
		Description: m.Description, Main: mainFile, Dependencies: m.Dependencies,
	}
	if m.Script != "" {
		out.Scripts = map[string]string{"postinstall": m.Script}
	}
	if m.Requires != "" {
		out.Engines = map[string]string{"node": m.Requires}
	}
	return out
}

const mainFile = "index.js"

// tarball packs what npm pack would, and what it would not.
func tarball(up visit.Upload) ([]byte, error) {
	inside, err := json.Marshal(manifestOf(up, up.Inside), json.Deterministic(true), jsontext.Multiline(true))
	if err != nil {
		return nil, fmt.Errorf("writing package.json: %w", err)
	}
	b, err := visit.TarGz(append([]visit.Member{
		{Name: "package/package.json", Body: append(inside, '\n')},
		{Name: "package/" + mainFile, Body: []byte("// " + up.Canary + "\n")},
	}, up.Members...)...)
	if err != nil || up.Mangle == nil {
		return b, err
	}
	return up.Mangle(b), nil
}

// Publish sends what npm publish sends. The URL, the document around and the
// key of the version say what the upload says; the manifest under that key says
// what was claimed. It does not do what newer clients do after a 409, which is
// to read the package and to give up when it has the version.
func (Dialect) Publish(ctx context.Context, s *visit.Site, as visit.Credential, up visit.Upload) (visit.Answer, error) {
	b, err := tarball(up)
	if err != nil {
		return visit.Answer{}, fmt.Errorf("building %s %s: %w", up.Name, up.Version, err)
	}
	claimed := up.Inside
	if up.Claimed != nil {
		claimed = *up.Claimed
	}
	m := manifestOf(up, claimed)
	m.ID = m.Name + "@" + m.Version
	m.NodeVersion, m.NPMVersion = "24.0.0", "11.0.0"
	file := cmp.Or(up.File, up.Name+"-"+up.Version+".tgz")
	m.Dist = dishonest(b, up.Lie)
	m.Dist.Tarball = s.Root + up.Name + "/-/" + file
	body, err := json.Marshal(document{
		ID: up.Name, Name: up.Name, Description: m.Description,
		Tags:        map[string]string{cmp.Or(up.Tag, "latest"): up.Version},
		Versions:    map[string]manifest{up.Version: m},
		Access:      jsontext.Value("null"),
		Attachments: map[string]attachment{file: {"application/octet-stream", b, len(b)}},
	}, json.Deterministic(true))
	if err != nil {
		return visit.Answer{}, fmt.Errorf("writing the document of %s: %w", up.Name, err)
	}
	return send(ctx, s, as, "PUT", s.Root+escaped(up.Name), body)
}

// dishonest states the digests of some bytes, or those of others.
func dishonest(b []byte, lie bool) *published {
	if lie {
		b = append(bytes.Clone(b), "other bytes"...)
	}
	long, short := sha512.Sum512(b), sha1.Sum(b)
	return &published{
		Integrity: "sha512-" + base64.StdEncoding.EncodeToString(long[:]),
		Shasum:    hex.EncodeToString(short[:]),
	}
}
