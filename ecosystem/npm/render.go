package npm

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// renderer names the code that makes parts. It changes whenever the same facts
// would give other bytes, so that no kept part of an older program is reused.
const renderer = "npm/1"

const keysPath = ID + "/-/keys.json"

// Render makes the documents of a package. All of them but visibility.json
// depend on every fact (a document names when it was modified), but most of
// their bytes are in parts that do not change.
//
// The key of a part stands for the digest of its releases, which covers what
// the log says of them. Documents that the facts refer to are content-addressed
// and so covered too, unless one is deleted: deleting a message is followed by a
// rendering that reuses nothing.
func (e Ecosystem) Render(p *bonded.Package, h *bonded.House, docs ecosystem.Docs, since uint64) ([]ecosystem.Document, error) {
	if since > 0 && p.Head <= since || p.Head == 0 {
		return nil, nil
	}
	owners, err := owners(docs, p.Owners)
	if err != nil {
		return nil, err
	}
	r := rendering{p, h.URL, docs, owners}
	out := []ecosystem.Document{
		r.document("full.json", typeJSON, urlName(p.Name)),
		r.document("abbreviated.json", typeAbbreviated, urlName(p.Name)),
		r.document("latest.json", typeJSON, urlName(p.Name)+"/latest"),
		r.document("dist-tags.json", typeJSON, "-/package/"+urlName(p.Name)+"/dist-tags"),
		r.document("collaborators.json", typeJSON, "-/package/"+urlName(p.Name)+"/collaborators"),
	}
	out[0].Accept, out[1].Accept = typeJSON, typeAbbreviated
	if !stood(p, since) {
		out = append(out, r.document("visibility.json", typeJSON, "-/package/"+urlName(p.Name)+"/visibility"))
	}
	if !p.Live() {
		for i := range out {
			out[i].Gone = true
		}
		return out, nil
	}
	out[0].Parts = r.full()
	out[1].Parts = r.abbreviated()
	if rel := r.latestRelease(); rel == nil {
		out[2].Gone = true
	} else {
		out[2].Parts = []ecosystem.Part{r.latest(rel)}
	}
	out[3].Parts = constant(value(r.tags()))
	out[4].Parts = constant(value(r.collaborators()))
	if len(out) > 5 {
		out[5].Parts = constant([]byte(`{"public":true}`))
	}
	return out, nil
}

// stood reports whether a release that can be had now could be had before
// since: then the package was visible and still is.
func stood(p *bonded.Package, since uint64) bool {
	for r := range p.Releases() {
		if r.Changed <= since && r.Live() {
			return true
		}
	}
	return false
}

// rendering is what all documents of one package are made of.
type rendering struct {
	p      *bonded.Package
	site   string
	docs   ecosystem.Docs
	owners []string
}

func (r *rendering) document(name, media, url string) ecosystem.Document {
	return ecosystem.Document{Path: docPath(r.p.Name, name), Type: media, URL: ID + "/" + url}
}

// constant is a whole small document; its key lets the store see that nothing changed.
func constant(b []byte) []ecosystem.Part {
	return []ecosystem.Part{{Key: partKey("constant", string(b)), Bytes: func() ([]byte, error) { return b, nil }}}
}

// partKey hashes whatever a part's bytes depend on.
func partKey(of ...string) string {
	h := sha256.New()
	for _, s := range append([]string{renderer}, of...) {
		h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (r *rendering) tags() map[string]string {
	tags := map[string]string{}
	for _, t := range r.p.Tags {
		if rel := r.p.Release(t.Version); rel != nil && rel.Live() {
			tags[t.Name] = t.Version
		}
	}
	return tags
}

func (r *rendering) collaborators() map[string]string {
	out := map[string]string{}
	for _, o := range r.owners {
		out[o] = "write"
	}
	return out
}

// owners reads the document that names a package's owners. Who they are may be
// deleted; that there were some stays in the log.
func owners(docs ecosystem.Docs, g bonded.Digest) ([]string, error) {
	if g.IsZero() {
		return nil, nil
	}
	b, err := docs.Doc(g)
	if kind, _, _ := bonded.Explain(err); err != nil && kind == bonded.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var doc struct {
		Owners []string `json:"owners"`
	}
	err = json.Unmarshal(b, &doc)
	return doc.Owners, err
}

// latestRelease is what the latest tag points to, nil when that is gone.
func (r *rendering) latestRelease() *bonded.Release {
	rel := r.p.Release(tagged(r.p, "latest"))
	if rel == nil || !rel.Live() {
		return nil
	}
	return rel
}

// latest is the object of the latest version alone.
func (r *rendering) latest(rel *bonded.Release) ecosystem.Part {
	return ecosystem.Part{Key: r.releaseKey(rel, "latest"), Bytes: func() ([]byte, error) {
		return renderVersion(r.p.Name, rel, r.site, r.docs, false)
	}}
}

func (r *rendering) releaseKey(rel *bonded.Release, of string) string {
	return partKey(of, r.site, string(bonded.ChunkState([]bonded.Release{*rel})))
}

// abbreviated is the document for installers.
func (r *rendering) abbreviated() []ecosystem.Part {
	head := []byte(`{"dist-tags":`)
	head = append(head, value(r.tags())...)
	head = append(head, `,"modified":`...)
	head = append(head, value(timeText(r.p.Modified))...)
	head = append(head, `,"name":`...)
	head = append(head, value(r.p.Name.Key)...)
	head = append(head, `,"versions":{`...)
	parts := append([]ecosystem.Part{ecosystem.Text(head)}, r.versions(true)...)
	return append(parts, ecosystem.Text([]byte("}}")))
}

// full is the document for people and for writing back.
func (r *rendering) full() []ecosystem.Part {
	parts := append([]ecosystem.Part{{Bytes: r.head}}, r.versions(false)...)
	open := `},"time":{"created":` + string(value(timeText(r.p.Claimed))) + `,"modified":` + string(value(timeText(r.p.Modified)))
	parts = append(parts, ecosystem.Text([]byte(open)))
	return append(append(parts, r.times()...), ecosystem.Text([]byte("}}")))
}

// hoisted are the members that the whole package has from its latest version.
var hoisted = []string{"author", "bugs", "contributors", "description", "homepage", "keywords", "license", "repository"}

// head is everything before the versions.
func (r *rendering) head() ([]byte, error) {
	maintainers := []map[string]string{}
	for _, o := range r.owners {
		maintainers = append(maintainers, map[string]string{"name": o, "email": ""})
	}
	f := fields{
		"_id": value(r.p.Name.Key), "_rev": value(revision(r.p)), "name": value(r.p.Name.Key),
		"dist-tags": value(r.tags()), "maintainers": value(maintainers),
	}
	if rel := r.latestRelease(); rel != nil {
		b, err := r.docs.Doc(liveFile(rel).Meta)
		if err != nil {
			return nil, err
		}
		m, err := parseMeta(b)
		if err != nil {
			return nil, err
		}
		all := m.manifest()
		for _, k := range hoisted {
			if v, ok := all[k]; ok {
				f[k] = v
			}
		}
		f["readme"], f["readmeFilename"] = value(m.Readme), value(m.ReadmeFile)
	}
	b := f.encode()
	return append(b[:len(b)-1], `,"versions":{`...), nil
}

// versions are the releases that can be had: one part for a full chunk, one
// for each release of the last.
func (r *rendering) versions(short bool) []ecosystem.Part {
	var parts []ecosystem.Part
	of, first := "full", true
	if short {
		of = "abbreviated"
	}
	add := func(key string, releases []bonded.Release) {
		comma := ","
		if first {
			comma = ""
		}
		if !anyLive(releases) {
			return
		}
		first = false
		parts = append(parts, ecosystem.Part{Key: partKey(key, comma), Bytes: func() ([]byte, error) {
			return r.run(releases, comma, short)
		}})
	}
	for _, c := range r.p.Chunks() {
		if c.Full() {
			add(partKey(of, r.site, c.Digest().String()), c.Releases)
			continue
		}
		for i := range c.Releases {
			add(r.releaseKey(&c.Releases[i], of), c.Releases[i:i+1])
		}
	}
	return parts
}

func anyLive(releases []bonded.Release) bool {
	for i := range releases {
		if releases[i].Live() {
			return true
		}
	}
	return false
}

// run writes the live ones of some releases, with what comes before the first.
func (r *rendering) run(releases []bonded.Release, before string, short bool) ([]byte, error) {
	var b []byte
	for i := range releases {
		if !releases[i].Live() {
			continue
		}
		v, err := renderVersion(r.p.Name, &releases[i], r.site, r.docs, short)
		if err != nil {
			return nil, err
		}
		b = append(appendName(append(b, before...), releases[i].Version), v...)
		before = ","
	}
	return b, nil
}

// times says when each version appeared, those that are gone included.
func (r *rendering) times() []ecosystem.Part {
	var parts []ecosystem.Part
	for _, c := range r.p.Chunks() {
		write := func() ([]byte, error) {
			var b []byte
			for i := range c.Releases {
				b = append(appendName(append(b, ','), c.Releases[i].Version), value(timeText(c.Releases[i].Time))...)
			}
			return b, nil
		}
		key := ""
		if c.Full() {
			key = partKey("time", c.Digest().String())
		}
		parts = append(parts, ecosystem.Part{Key: key, Bytes: write})
	}
	return parts
}

// timeText is ISO 8601 as JavaScript writes it.
func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func uintText(n uint64) string { return strconv.FormatUint(n, 10) }

// signingKey is one key of /-/npm/v1/keys; npm lib/utils/verify-signatures.js.
type signingKey struct {
	Expires jsontext.Value `json:"expires"`
	Key     string         `json:"key"` // SubjectPublicKeyInfo, base64
	KeyID   string         `json:"keyid"`
	KeyType string         `json:"keytype"`
	Scheme  string         `json:"scheme"`
}

// RenderHouse makes the document with the keys that sign npm packages here.
func (e Ecosystem) RenderHouse(h *bonded.House, docs ecosystem.Docs) ([]ecosystem.Document, error) {
	const ecdsa = "ecdsa-sha2-nistp256"
	keys := []signingKey{}
	for _, k := range h.Keys {
		if k.Ecosystem == ID {
			keys = append(keys, signingKey{jsontext.Value("null"), base64.StdEncoding.EncodeToString(k.Public), k.ID, ecdsa, ecdsa})
		}
	}
	return []ecosystem.Document{{
		Path: keysPath, Type: typeJSON, URL: ID + "/-/npm/v1/keys",
		Parts: constant(value(map[string]any{"keys": keys})),
	}}, nil
}
