package pypi

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/internal/archive"
)

// Draft reads an upload. What the distribution says of itself becomes the
// draft; what the form says is held against it.
func (e Ecosystem) Draft(ctx context.Context, a ecosystem.Ask, up ecosystem.Upload) (bonded.Draft, error) {
	if a.Op != opUpload {
		return bonded.Draft{}, bonded.Errorf(bonded.Unsupported, "this is not an upload")
	}
	f, err := readForm(a.Form, up)
	if err != nil {
		return bonded.Draft{}, err
	}
	if err := ctx.Err(); err != nil {
		return bonded.Draft{}, err
	}
	d, err := look(f, up)
	if err != nil {
		return bonded.Draft{}, err
	}
	d.compare(f)
	past, err := up.Past(d.name)
	if err != nil {
		return bonded.Draft{}, err
	}
	return d.draft(f.kept, past)
}

// dist is a distribution that was looked into.
type dist struct {
	file  distFile // as the bytes name it
	name  bonded.Name
	meta  *metadata
	in    inside
	found findings
}

// look opens the uploaded file.
func look(f *form, up ecosystem.Upload) (*dist, error) {
	file, err := parseFile(f.file)
	if err != nil {
		return nil, err
	}
	r, err := up.Open(f.kept)
	if err != nil {
		return nil, err
	}
	d := &dist{file: file}
	kind, wants := archive.Zip, wheelWants
	if file.kind == sdistType {
		kind, wants = archive.TarGz, sdistWants
	}
	inv, err := archive.Read(r, f.kept.Size, kind, archive.Limits{}, wants)
	if err != nil {
		return nil, err
	}
	d.found.archive(inv.Anomalies)
	if file.kind == sdistType {
		d.in = lookInSdist(file, &inv, &d.found)
	} else {
		d.in = lookInWheel(file, &inv, &d.found)
	}
	return d, d.identify(f.file)
}

// identify lets METADATA or PKG-INFO say what the distribution is.
//
// An archive that could not be read so far, because a bound was reached or
// readers would differ, is named after its file: it carries an anomaly, and
// who judges that must be able to say of what.
func (d *dist) identify(sent string) error {
	var err error
	if d.in.text != nil {
		d.meta, err = parseMetadata(d.in.text, d.in.path, &d.found)
	} else {
		err = bonded.Errorf(bonded.Invalid, "%s holds no %s, so it says neither its name nor its version; build it again with a current tool", show(sent), show(strings.TrimPrefix(d.in.path, "/")))
	}
	if err != nil && len(d.found.list) == 0 {
		return err
	}
	if err != nil {
		d.meta = &metadata{name: d.file.key, version: d.file.version}
		d.in.text = nil
	}
	if d.name, err = (Ecosystem{}).Name(d.meta.name); err != nil {
		return err
	}
	if !d.file.names(sent, d.name.Key, d.meta.version) {
		d.found.add(bonded.Mismatch, "file-name", sent, "the file says of itself that it is %s %s", show(d.meta.name), d.meta.version)
	}
	d.file.key, d.file.version = d.name.Key, d.meta.version
	if len(d.file.String()) > longestFile {
		return bonded.Errorf(bonded.Invalid, "the file name \"%s\" is longer than %d characters", show(d.file.String()), longestFile)
	}
	return nil
}

// compare reports where the form claims something else than the bytes say.
// What a form leaves out claims nothing. Fields that decide nothing, like the
// description, are not compared: build tools render them in ways of their own.
func (d *dist) compare(f *form) {
	differ := func(field, want string) {
		d.found.add(bonded.Mismatch, field, field, "the form says \"%s\", the file \"%s\"", show(f.get(field)), show(want))
	}
	if v := f.get("filetype"); v != "" && v != d.file.kind {
		differ("filetype", d.file.kind)
	}
	if v := f.get("name"); v != "" && normalise(v) != d.name.Key {
		differ("name", d.meta.name)
	}
	if v := f.get("version"); v != "" {
		if w, ok := parseVersion(strings.TrimSpace(v)); !ok || w.identity() != d.meta.version.identity() {
			differ("version", d.meta.version.String())
		}
	}
	if v := f.get("requires_python"); v != "" && packed(v) != packed(d.meta.get("requires-python")) {
		differ("requires_python", d.meta.get("requires-python"))
	}
	if claimed := f.fields["requires_dist"]; len(claimed) > 0 {
		said := d.meta.all("requires-dist")
		if !sameLines(claimed, said) {
			d.found.add(bonded.Mismatch, "requires_dist", "requires_dist", "the form lists %d dependencies and the file %d, or they differ", len(claimed), len(said))
		}
	}
	d.compareDigest(f, "sha256_digest", f.kept.Digest[:])
	d.compareDigest(f, "blake2_256_digest", f.kept.BLAKE2b[:])
	d.compareDigest(f, "md5_digest", f.kept.MD5[:])
}

func (d *dist) compareDigest(f *form, field string, sum []byte) {
	want := hex.EncodeToString(sum)
	if v := f.get(field); v != "" && !strings.EqualFold(strings.TrimSpace(v), want) {
		d.found.add(bonded.Checksum, field, field, "the form says \"%s\", the file has %s", show(v), want)
	}
}

// packed drops blanks, which tools put where they like.
func packed(s string) string { return strings.Join(strings.Fields(s), "") }

func sameLines(a, b []string) bool {
	pack := func(lines []string) (out []string) {
		for _, l := range lines {
			out = append(out, packed(l))
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(pack(a), pack(b))
}

// draft puts the facts together.
func (d *dist) draft(kept bonded.Kept, past *bonded.Package) (bonded.Draft, error) {
	version := d.meta.version.identity()
	d.checkSpelling(past.Release(version))
	d.checkLocal(past)
	requires := d.meta.requires(d.in.path, &d.found)
	doc, err := d.extract(kept)
	if err != nil {
		return bonded.Draft{}, err
	}
	out := bonded.Draft{
		Name: d.name,
		Facts: []bonded.Entry{{
			Type: bonded.Publish, Name: d.name, Version: version, File: d.file.String(),
			Digest: kept.Digest, Size: kept.Size, Meta: bonded.DigestOf(doc),
		}},
		Kept: []bonded.Kept{kept}, Docs: [][]byte{doc}, Anomalies: d.found.list,
	}
	if d.servesMetadata() {
		out.Docs = append(out.Docs, d.in.text)
	}
	for _, key := range requires {
		out.Requires = append(out.Requires, bonded.Name{Ecosystem: id, Key: key, Display: key})
	}
	if newest(d.meta.version, past) {
		s := d.meta.summary()
		out.Summary = &s
	}
	return out, nil
}

// checkSpelling reports a version that is published in another spelling: 1.0.0
// beside 1.0 would be two files that resolvers take for one.
func (d *dist) checkSpelling(r *bonded.Release) {
	if r == nil {
		return
	}
	for i := range r.Files {
		was, err := parseFile(r.Files[i].Name)
		if err == nil && was.version.String() != d.meta.version.String() {
			d.found.add(bonded.Mismatch, "version-spelling", d.meta.version.String(),
				"it is the version %s, which is published already; spell it like that", was.version)
			return
		}
	}
}

// checkLocal keeps 1.0 and 1.0+anything apart: "==1.0" matches both, and
// resolvers prefer the second (PEP 440, "Version matching"), so a local version
// beside a public one changes what a pinned requirement means.
func (d *dist) checkLocal(past *bonded.Package) {
	for r := range past.Releases() {
		was, ok := parseVersion(r.Version)
		if !ok || (len(was.local) > 0) == (len(d.meta.version.local) > 0) {
			continue
		}
		a, b := was, d.meta.version
		a.local, b.local = nil, nil
		if a.compare(b) == 0 {
			d.found.add(bonded.Mismatch, "local-version", d.meta.version.String(),
				"%s is published already, and a requirement ==%s would match both; choose another version", was, a)
			return
		}
	}
}

// newest reports whether nothing published is above v; final versions stand
// above all others, as in what pip picks.
func newest(v version, past *bonded.Package) bool {
	for r := range past.Releases() {
		w, ok := parseVersion(r.Version)
		if !ok || !r.Live() || r.Yanked {
			continue
		}
		if w.final() && !v.final() || w.final() == v.final() && w.compare(v) > 0 {
			return false
		}
	}
	return true
}
