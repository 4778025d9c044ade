package npm

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev/prove/visit"
)

// packument is the document of a package, as far as it is read. Old documents
// hold about anything under any name, so that only what is needed has a type.
type packument struct {
	Name     string         `json:"name"`
	Tags     jsontext.Value `json:"dist-tags"`
	Versions members        `json:"versions"`
	Time     jsontext.Value `json:"time"`
}

// members is a JSON object in its own order.
type members []member

type member struct {
	name  string
	value jsontext.Value
}

// UnmarshalJSONFrom reads an object; null is an empty one.
func (m *members) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch kind := d.PeekKind(); kind {
	case 'n':
		return d.SkipValue()
	case '{':
	default:
		return fmt.Errorf("%w: %v instead of an object", errShape, kind)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		key, err := d.ReadToken()
		if err != nil {
			return err
		}
		name := key.String()
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		*m = append(*m, member{name, value.Clone()})
	}
	_, err := d.ReadToken()
	return err
}

// version is one member of versions, the manifest that an installer resolves
// by. From where in it comes what:
//
//	Manifest.Dependencies  dependencies and optionalDependencies
//	Manifest.Script        scripts: preinstall, install or postinstall
//	Manifest.Requires      engines.node
//	Scripts                hasInstallScript
//	Yanked                 deprecated: a message that is not empty
//	Digests                dist.integrity (base64, any number), dist.shasum
//	Signatures             dist.signatures: keyid, sig
//	Provenance             dist.attestations.url
//
// Time is the member of the full document's time. The index tells no size of
// the tarball: dist.unpackedSize is that of its contents.
type version struct {
	Name        jsontext.Value `json:"name"`
	Version     jsontext.Value `json:"version"`
	Description jsontext.Value `json:"description"`
	Needs       jsontext.Value `json:"dependencies"`
	Optional    jsontext.Value `json:"optionalDependencies"`
	Scripts     jsontext.Value `json:"scripts"`
	Engines     jsontext.Value `json:"engines"`
	Warns       jsontext.Value `json:"hasInstallScript"`
	Deprecated  jsontext.Value `json:"deprecated"`
	Dist        dist           `json:"dist"`
}

type dist struct {
	Tarball      jsontext.Value `json:"tarball"`
	Integrity    jsontext.Value `json:"integrity"`
	Shasum       jsontext.Value `json:"shasum"`
	Signatures   jsontext.Value `json:"signatures"`
	Attestations jsontext.Value `json:"attestations"`
}

// Package reads the abbreviated document, which is what npm install resolves
// by, and then the full one for times and scripts; where there is only the full
// one, it is the answer to the first question.
func (Dialect) Package(ctx context.Context, s *visit.Site, name string) (*visit.Package, error) {
	doc, r, err := read(ctx, s, name, installing)
	if err != nil {
		return nil, err
	}
	p := &visit.Package{Name: doc.Name, Tags: texts(doc.Tags), Index: r}
	full := doc
	if kindOf(r) == typeAbbreviated || len(texts(doc.Time)) == 0 {
		if full, _, err = read(ctx, s, name, typeJSON); err != nil {
			return nil, err
		}
	}
	times := texts(full.Time)
	told := map[string]version{}
	for _, m := range full.Versions {
		told[m.name], _ = readVersion(m.value)
	}
	for _, m := range doc.Versions {
		v, err := readVersion(m.value)
		if err != nil {
			return nil, fmt.Errorf("reading %s %s: %w", name, m.name, err)
		}
		rel := v.release(r.URL)
		rel.Version, rel.Time = m.name, times[m.name]
		if rel.Manifest.Script == "" { // the abbreviated form leaves scripts out
			rel.Manifest.Script = told[m.name].script()
		}
		if rel.Manifest.Description == "" {
			rel.Manifest.Description = text(told[m.name].Description)
		}
		p.Releases = append(p.Releases, rel)
	}
	return p, nil
}

func read(ctx context.Context, s *visit.Site, name, accept string) (*packument, visit.Response, error) {
	r, err := s.Web.Get(ctx, s.Root+escaped(name), accept)
	if err != nil {
		return nil, r, err
	}
	switch {
	case r.Status == 404, r.Status == 410, r.Status == 400: // 400 is the answer to what is no name
		return nil, r, fmt.Errorf("reading %s: %d: %w", name, r.Status, visit.ErrNone)
	case !r.OK():
		return nil, r, fmt.Errorf("reading %s: %d %s", name, r.Status, r.Reason)
	}
	doc := &packument{}
	if err := json.Unmarshal(r.Body, doc); err != nil {
		return nil, r, fmt.Errorf("reading %s: %w: %w", name, errShape, err)
	}
	return doc, r, nil
}

func readVersion(b jsontext.Value) (v version, err error) {
	return v, json.Unmarshal(b, &v)
}

func (v version) release(index string) visit.Release {
	r := visit.Release{
		Yanked:  text(v.Deprecated) != "" || v.Deprecated.Kind() == 't',
		Scripts: v.Warns.Kind() == 't',
		Manifest: visit.Manifest{
			Name: text(v.Name), Version: text(v.Version), Description: text(v.Description),
			Dependencies: texts(v.Needs), Script: v.script(), Requires: texts(v.Engines)["node"],
		},
	}
	for name, wanted := range texts(v.Optional) {
		if r.Manifest.Dependencies == nil {
			r.Manifest.Dependencies = map[string]string{}
		}
		r.Manifest.Dependencies[name] = wanted
	}
	if tarball := text(v.Dist.Tarball); tarball != "" {
		r.Files = []visit.File{v.Dist.file(visit.Resolve(index, tarball))}
	}
	return r
}

// script is what runs at install; npm runs the three in this order.
func (v version) script() string {
	scripts := texts(v.Scripts)
	for _, when := range []string{"preinstall", "install", "postinstall"} {
		if scripts[when] != "" {
			return scripts[when]
		}
	}
	return ""
}

func (d dist) file(url string) visit.File {
	f := visit.File{Name: path.Base(url), URL: url, Digests: map[string]string{}}
	if sum := text(d.Shasum); sum != "" {
		f.Digests["sha1"] = strings.ToLower(sum)
	}
	for _, part := range strings.Fields(text(d.Integrity)) {
		kind, sum, _ := strings.Cut(part, "-")
		sum, _, _ = strings.Cut(sum, "?") // options, which nobody uses
		if b, err := base64.StdEncoding.DecodeString(sum); err == nil {
			f.Digests[kind] = hex.EncodeToString(b)
		}
	}
	var signatures []struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
	}
	if d.Signatures.Kind() == '[' && json.Unmarshal(d.Signatures, &signatures) == nil {
		for _, s := range signatures {
			f.Signatures = append(f.Signatures, visit.Signature{KeyID: s.KeyID, Value: s.Sig})
		}
	}
	if at := texts(d.Attestations)["url"]; at != "" {
		f.Provenance = visit.Resolve(url, at)
	}
	return f
}

// texts are the members of an object that are strings; nil when there are none.
func texts(v jsontext.Value) (out map[string]string) {
	var all members
	if v.Kind() != '{' || json.Unmarshal(v, &all) != nil {
		return nil
	}
	for _, m := range all {
		if m.value.Kind() != '"' {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[m.name] = text(m.value)
	}
	return out
}
