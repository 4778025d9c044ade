package npm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// packument is a package's document as clients send it.
type packument struct {
	ID          string                    `json:"_id"`
	Rev         string                    `json:"_rev"`
	Name        string                    `json:"name"`
	Tags        map[string]string         `json:"dist-tags"`
	Versions    map[string]jsontext.Value `json:"versions"`
	Access      string                    `json:"access"`
	Maintainers jsontext.Value            `json:"maintainers"`
	Attachments map[string]attachment     `json:"_attachments"`
}

type attachment struct {
	Data   jsontext.Value `json:"data"`
	Length *int64         `json:"length"`
}

// tarball is the attachment of a publish: kept, and what was said of it.
type tarball struct {
	kept bonded.Kept
	said string // its name in the request
	size int64  // as the request says; -1: it does not
}

// Draft reads the body of a write.
func (e Ecosystem) Draft(ctx context.Context, a ecosystem.Ask, up ecosystem.Upload) (bonded.Draft, error) {
	if err := ctx.Err(); err != nil {
		return bonded.Draft{}, bonded.Errorf(bonded.Unavailable, "the request was given up")
	}
	switch a.Op {
	case opPut:
		return e.draftPut(a, up)
	case opUpdate:
		return e.draftUpdate(a, up)
	case opDelete:
		return draftDelete(a, up)
	case opDeleteFile:
		return draftDeleteFile(a, up)
	case opTag:
		return draftTag(a, up)
	case opUntag:
		return draftUntag(a, up)
	}
	return bonded.Draft{}, bonded.Errorf(bonded.Invalid, "this request changes nothing")
}

// draftPut reads PUT /<name>: with a tarball it publishes, without one it
// changes deprecation messages.
func (e Ecosystem) draftPut(a ecosystem.Ask, up ecosystem.Upload) (bonded.Draft, error) {
	doc, tb, err := readPackument(up)
	if err != nil {
		return bonded.Draft{}, err
	}
	if tb == nil {
		return e.draftMessages(a, doc, up)
	}
	if len(doc.Versions) != 1 {
		return bonded.Draft{}, bonded.Errorf(bonded.Invalid, "the request publishes %d versions; publish one at a time", len(doc.Versions))
	}
	// Everything published here can be read by everybody who can reach the
	// repository: a client that asks for less must hear so.
	if doc.Access != "" && doc.Access != "public" {
		return bonded.Draft{}, bonded.Errorf(bonded.Unsupported, "this repository has no private packages and cannot publish with access %+q; "+
			"publish with --access public (yarn: npmPublishAccess: public)", clip(doc.Access))
	}
	r, err := up.Open(tb.kept)
	if err != nil {
		return bonded.Draft{}, err
	}
	m, anomalies, err := inspect(tb.kept, r)
	if err != nil {
		return bonded.Draft{}, err
	}
	return e.draftRelease(a, doc, tb, m, anomalies, up)
}

// draftRelease makes the facts of a publish out of the tarball.
func (e Ecosystem) draftRelease(a ecosystem.Ask, doc *packument, tb *tarball, m *meta, anomalies []bonded.Anomaly, up ecosystem.Upload) (bonded.Draft, error) {
	saidVersion := sortedKeys(doc.Versions)[0]
	if len(m.pkg) == 0 && len(anomalies) > 0 {
		// Nothing to read in there: the refusal goes out under the name that
		// the client asked for.
		m.pkg = fields{"name": value(a.Name.Key), "version": value(saidVersion)}
		m.Package = m.pkg.encode()
	}
	n, err := e.Name(m.pkg.text("name"))
	if err != nil {
		return bonded.Draft{}, err
	}
	version, ok := cleanVersion(m.pkg.text("version"))
	if !ok {
		return bonded.Draft{}, bonded.Errorf(bonded.Invalid, "%+q in package.json is not a version; it must be major.minor.patch (https://semver.org)", clip(m.pkg.text("version")))
	}
	if len(fileName(n, version)) > maxFile {
		return bonded.Draft{}, bonded.Errorf(bonded.Invalid, "%s %s has too long a name and version: together at most %d characters", n.Key, clip(version), maxFile)
	}
	said, err := parseFields(doc.Versions[saidVersion])
	if err != nil {
		return bonded.Draft{}, bonded.Errorf(bonded.Invalid, "the manifest in the request is not an object")
	}
	past, err := up.Past(n)
	if err != nil {
		return bonded.Draft{}, err
	}
	tags, err := publishTags(doc.Tags, past)
	if err != nil {
		return bonded.Draft{}, err
	}
	anomalies = append(anomalies, compareNames(a, doc, tb, n, version)...)
	anomalies = append(anomalies, compare(said, m)...)
	anomalies = append(anomalies, compareDigests(said.object("dist"), tb.size, tb.kept)...)

	text, err := m.encode()
	if err != nil {
		return bonded.Draft{}, err
	}
	d := bonded.Draft{
		Name: n, Kept: []bonded.Kept{tb.kept}, Docs: [][]byte{text}, Anomalies: anomalies,
		Facts: []bonded.Entry{{
			Type: bonded.Publish, Name: n, Version: version, File: fileName(n, version),
			Digest: tb.kept.Digest, Size: tb.kept.Size, Meta: bonded.DigestOf(text),
		}},
		// pacote lib/registry.js checks the signature over exactly this.
		Statements: []bonded.Statement{{Fact: 0, Text: []byte(n.Key + "@" + version + ":" + m.Integrity)}},
		Requires:   e.requires(m.pkg),
	}
	for _, tag := range tags {
		d.Facts = append(d.Facts, bonded.Entry{Type: bonded.SetTag, Name: n, Tag: tag, Version: version})
		if tag == "latest" {
			d.Summary = m.summary(version)
		}
	}
	return d, nil
}

// publishTags are the tags that move to the new version. The first version of
// a package is its latest whatever the client says: many clients ask for that
// tag when they are asked for nothing.
func publishTags(said map[string]string, past *bonded.Package) ([]string, error) {
	tags := sortedKeys(said)
	if len(tags) > maxTags {
		return nil, bonded.Errorf(bonded.Invalid, "a release brings at most %d tags", maxTags)
	}
	for _, tag := range tags {
		if err := checkTag(tag); err != nil {
			return nil, err
		}
	}
	if tagged(past, "latest") == "" && !slices.Contains(tags, "latest") {
		tags = append(tags, "latest")
	}
	return tags, nil
}

// tagged is the version that a tag points to, "" for none.
func tagged(p *bonded.Package, tag string) string {
	for _, t := range p.Tags {
		if t.Name == tag {
			return t.Version
		}
	}
	return ""
}

// compareNames holds every place where a request names the package or the
// version against the tarball.
func compareNames(a ecosystem.Ask, doc *packument, tb *tarball, n bonded.Name, version string) (found []bonded.Anomaly) {
	name := func(where, said string) {
		if said != "" && said != n.Key {
			found = append(found, bonded.Anomaly{Kind: bonded.Mismatch, Rule: "name", Where: where, Detail: printable("it says " + said + ", the tarball " + n.Key)})
		}
	}
	at := func(where, said string) {
		if clean(said) != version {
			found = append(found, bonded.Anomaly{Kind: bonded.Mismatch, Rule: "version", Where: where, Detail: printable("it says " + said + ", the tarball " + version)})
		}
	}
	name("the URL", a.Name.Key)
	name("_id", doc.ID)
	name("name", doc.Name)
	at("versions", sortedKeys(doc.Versions)[0])
	for _, tag := range sortedKeys(doc.Tags) {
		at("dist-tags "+tag, doc.Tags[tag])
	}
	said, ok := strings.CutPrefix(strings.TrimSuffix(tb.said, ".tgz"), n.Key+"-")
	if !ok || clean(said) != version {
		found = append(found, bonded.Anomaly{Kind: bonded.Mismatch, Rule: "attachment", Where: "_attachments",
			Detail: printable("the file is called " + tb.said + ", the package inside is " + n.Key + " " + version)})
	}
	return found
}

// requires names the packages that a release depends on. An alias counts as
// what it stands for; addresses count as nothing.
func (e Ecosystem) requires(pkg fields) (out []bonded.Name) {
	seen := map[string]bool{}
	for _, key := range []string{"dependencies", "optionalDependencies", "peerDependencies"} {
		deps := pkg.dependencies(key)
		for _, dep := range sortedKeys(deps) {
			spec := deps[dep]
			if alias, ok := strings.CutPrefix(spec, "npm:"); ok && alias != "" {
				at := strings.LastIndexByte(alias, '@')
				if at <= 0 {
					at = len(alias)
				}
				dep, spec = alias[:at], alias[at:]
			}
			n, err := e.Name(dep)
			if err != nil || seen[n.Key] || strings.ContainsAny(spec, ":/") {
				continue
			}
			seen[n.Key] = true
			out = append(out, n)
		}
	}
	return out
}

// summary is what search shows.
func (m *meta) summary(version string) *bonded.Summary {
	s := &bonded.Summary{
		Version: version, Description: m.pkg.text("description"), Keywords: m.pkg.keywords(), License: m.pkg.text("license"),
	}
	// It becomes a link; javascript: is an address too.
	if h := m.pkg.text("homepage"); strings.HasPrefix(h, "https://") || strings.HasPrefix(h, "http://") {
		s.Homepage = h
	}
	return s
}

// readPackument reads a body, keeps the tarball in it and parses the rest. The
// tarball is nil when there is none.
func readPackument(up ecosystem.Upload) (*packument, *tarball, error) {
	var tb *tarball
	keep := func(r io.Reader) error {
		if tb != nil {
			return bonded.Errorf(bonded.Invalid, "the request carries two tarballs; publish one version at a time")
		}
		kept, err := up.Keep(r, maxTarball)
		tb = &tarball{kept: kept, size: -1}
		return err
	}
	s := splitter{threshold: diverted, most: maxJSON, keep: keep}
	if err := s.split(up.Body); err != nil {
		return nil, nil, err
	}
	doc := &packument{}
	if err := json.Unmarshal(s.rest, doc); err != nil {
		return nil, nil, bonded.Errorf(bonded.Invalid, "the request is not the JSON of a package: %s; publish with an unmodified package manager", printable(wrongJSON(err)))
	}
	names := sortedKeys(doc.Attachments)
	if at := slices.IndexFunc(names, func(s string) bool { return !strings.HasSuffix(s, ".tgz") }); at >= 0 {
		return nil, nil, bonded.Errorf(bonded.Unsupported, "the request carries %+q besides the tarball; this repository does not take provenance statements yet; publish without --provenance", clip(names[at]))
	}
	switch {
	case len(names) == 0 && tb == nil:
		return doc, nil, nil
	case len(names) != 1:
		return nil, nil, bonded.Errorf(bonded.Invalid, "the request carries %d tarballs; publish one version at a time", len(names))
	}
	att := doc.Attachments[names[0]]
	if tb != nil {
		if err := standsAt(s.rest, s.ends[0], names[0]); err != nil {
			return nil, nil, err
		}
	} else if err := keepInline(att, keep); err != nil {
		return nil, nil, err
	}
	tb.said = names[0]
	if att.Length != nil {
		tb.size = max(*att.Length, 0)
	}
	return doc, tb, nil
}

// wrongJSON says what is wrong with a JSON text, without the names of our types.
func wrongJSON(err error) string {
	var misfit *json.SemanticError
	if errors.As(err, &misfit) && misfit.JSONPointer != "" {
		return "the value of " + string(misfit.JSONPointer) + " is of the wrong type"
	} else if misfit != nil {
		return "it is not an object"
	}
	return strings.TrimPrefix(err.Error(), "jsontext: ")
}

// standsAt checks that the string taken out of a body was the data of its
// attachment and not some other long text.
func standsAt(rest []byte, end int, file string) error {
	dec := jsontext.NewDecoder(bytes.NewReader(rest))
	want := jsontext.Pointer("").AppendToken("_attachments").AppendToken(file).AppendToken("data")
	for dec.InputOffset() < int64(end) {
		if _, err := dec.ReadToken(); err != nil {
			break
		}
	}
	if dec.InputOffset() != int64(end) || dec.StackPointer() != want {
		return bonded.Errorf(bonded.Invalid, "the request holds a long base64 text that is not its tarball")
	}
	return nil
}

// keepInline keeps an attachment that stayed in the body.
func keepInline(att attachment, keep func(io.Reader) error) error {
	var text string
	if att.Data.Kind() != '"' || json.Unmarshal(att.Data, &text) != nil {
		return bonded.Errorf(bonded.Invalid, "the request carries an attachment without data")
	}
	b, err := decodeInline(text)
	if err != nil {
		return err
	}
	return keep(bytes.NewReader(b))
}
