package npm

import (
	"io"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

const maxMessage = 1024 // bytes of a deprecation message

// revision is the _rev of a package: a client that writes back what it read
// names it, and a write on top of something older is refused. For CouchDB it
// is a count and a hash; here it is the log index and the hash of the state.
func revision(p *bonded.Package) string {
	return uintText(p.Head) + "-" + bonded.DigestOf(p.State()).Hex()[:32]
}

// checkRevision refuses to change what the client has not seen. npm leaves a
// version out to delete it, so a version published between its reading and its
// writing would be deleted with it.
func checkRevision(p *bonded.Package, rev string) error {
	if rev != "" && rev != revision(p) {
		return bonded.Errorf(bonded.Conflict, "%s changed since your client read it; run the command again", p.Name.Key)
	}
	return nil
}

// livePast is the state of a package that something can still be had of.
func livePast(n bonded.Name, up ecosystem.Upload) (*bonded.Package, error) {
	past, err := up.Past(n)
	if err != nil {
		return nil, err
	}
	if !past.Live() {
		return nil, bonded.Errorf(bonded.NotFound, "%s is not in this repository", n.Key)
	}
	return past, nil
}

// draftMessages reads npm deprecate: the whole document, with other messages.
// Only the messages are read; nothing else in it can change anything.
func (e Ecosystem) draftMessages(a ecosystem.Ask, doc *packument, up ecosystem.Upload) (bonded.Draft, error) {
	d := bonded.Draft{Name: a.Name}
	if len(doc.Versions) == 0 {
		return d, unchangeable(doc)
	}
	if doc.Name != "" && doc.Name != a.Name.Key || doc.ID != "" && doc.ID != a.Name.Key {
		return d, bonded.Errorf(bonded.Invalid, "the request is about %+q, its URL about %s", clip(doc.Name+doc.ID), a.Name.Key)
	}
	past, err := livePast(a.Name, up)
	if err != nil {
		return d, err
	}
	if err := checkRevision(past, doc.Rev); err != nil {
		return d, err
	}
	for _, v := range sortedKeys(doc.Versions) {
		r := past.Release(v)
		if r == nil || !r.Live() {
			return d, bonded.Errorf(bonded.NotFound, "%s has no version %+q to deprecate", a.Name.Key, clip(v))
		}
		if err := draftMessage(&d, r, doc.Versions[v]); err != nil {
			return d, err
		}
	}
	return d, nil
}

// draftMessage adds the fact for one version, if its message changed. An empty
// message, false and null take the deprecation back.
func draftMessage(d *bonded.Draft, r *bonded.Release, manifest jsontext.Value) error {
	f, err := parseFields(manifest)
	if err != nil {
		return bonded.Errorf(bonded.Invalid, "the manifest of %s is not an object", r.Version)
	}
	switch v := f["deprecated"]; {
	case v.Kind() == 0:
		return nil
	case v.Kind() == 'f', v.Kind() == 'n', v.Kind() == '"' && f.text("deprecated") == "":
		if !r.Deprecated.IsZero() {
			d.Facts = append(d.Facts, bonded.Entry{Type: bonded.Undeprecate, Name: d.Name, Version: r.Version})
		}
		return nil
	case v.Kind() != '"':
		return bonded.Errorf(bonded.Invalid, "the deprecation message of %s is not a text", r.Version)
	}
	text := f.text("deprecated")
	if len(text) > maxMessage {
		return bonded.Errorf(bonded.Invalid, "a deprecation message has at most %d bytes", maxMessage)
	}
	if c, ok := ecosystem.Obeyed(text); ok {
		d.Anomalies = append(d.Anomalies, ecosystem.Unprintable("the deprecation message of "+r.Version, c))
	}
	doc := []byte(text)
	if r.Deprecated == bonded.DigestOf(doc) {
		return nil
	}
	d.Facts = append(d.Facts, bonded.Entry{Type: bonded.Deprecate, Name: d.Name, Version: r.Version, Doc: bonded.DigestOf(doc)})
	if !slices.ContainsFunc(d.Docs, func(b []byte) bool { return string(b) == text }) {
		d.Docs = append(d.Docs, doc)
	}
	return nil
}

// unchangeable explains a document that holds no versions.
func unchangeable(doc *packument) error {
	if len(doc.Maintainers) > 0 {
		return bonded.Errorf(bonded.Unsupported, "owners are invited and removed on the repository's pages: packages, then %s; whoever is invited has to accept", doc.ID)
	}
	return bonded.Errorf(bonded.Unsupported, "the request carries neither a tarball nor versions; this repository has nothing else that it could change")
}

// draftUpdate reads the first half of npm unpublish <name>@<version>: the
// document without the version, with the tags as they should be afterwards.
func (e Ecosystem) draftUpdate(a ecosystem.Ask, up ecosystem.Upload) (bonded.Draft, error) {
	d := bonded.Draft{Name: a.Name}
	doc, tb, err := readPackument(up)
	if err != nil {
		return d, err
	}
	if tb != nil {
		return d, bonded.Errorf(bonded.Invalid, "a tarball is published with PUT /%s", urlName(a.Name))
	}
	if doc.Versions == nil {
		return d, unchangeable(doc)
	}
	if doc.Name != "" && doc.Name != a.Name.Key || doc.ID != "" && doc.ID != a.Name.Key {
		return d, bonded.Errorf(bonded.Invalid, "the request is about %+q, its URL about %s", clip(doc.Name+doc.ID), a.Name.Key)
	}
	past, err := livePast(a.Name, up)
	if err != nil {
		return d, err
	}
	if err := checkRevision(past, a.Tag); err != nil {
		return d, err
	}
	return d, draftRemoval(&d, past, doc.Tags, func(r *bonded.Release) bool {
		_, stays := doc.Versions[r.Version]
		return !stays
	})
}

// draftDelete removes everything that is left of a package.
func draftDelete(a ecosystem.Ask, up ecosystem.Upload) (bonded.Draft, error) {
	d := bonded.Draft{Name: a.Name}
	past, err := livePast(a.Name, up)
	if err != nil {
		return d, err
	}
	if err := checkRevision(past, a.Tag); err != nil {
		return d, err
	}
	return d, draftRemoval(&d, past, nil, func(*bonded.Release) bool { return true })
}

// draftDeleteFile removes one tarball. After draftUpdate it is gone already,
// which is a success without a fact.
func draftDeleteFile(a ecosystem.Ask, up ecosystem.Upload) (bonded.Draft, error) {
	d := bonded.Draft{Name: a.Name}
	past, err := up.Past(a.Name)
	if err != nil {
		return d, err
	}
	r, f := past.File(a.File)
	if f == nil {
		return d, bonded.Errorf(bonded.NotFound, "%s has no file %+q", a.Name.Key, clip(a.File))
	}
	if f.Removed {
		return d, nil
	}
	if err := checkRevision(past, a.Tag); err != nil {
		return d, err
	}
	tags := map[string]string{}
	for _, t := range past.Tags {
		if t.Version != r.Version {
			tags[t.Name] = t.Version
		}
	}
	return d, draftRemoval(&d, past, tags, func(o *bonded.Release) bool { return o.Version == r.Version })
}

// draftRemoval drafts the removal of releases and what becomes of the tags:
// those that are wanted, as far as they point to something that stays, and
// always a latest, as long as anything stays.
func draftRemoval(d *bonded.Draft, past *bonded.Package, want map[string]string, gone func(*bonded.Release) bool) error {
	newest := ""
	stays := map[string]bool{}
	for r := range past.Releases() {
		if !r.Live() {
			continue
		}
		if !gone(r) {
			stays[r.Version] = true
			if newest == "" || (Ecosystem{}).Compare(newest, r.Version) < 0 {
				newest = r.Version
			}
			continue
		}
		for i := range r.Files {
			if !r.Files[i].Removed {
				d.Facts = append(d.Facts, bonded.Entry{Type: bonded.Remove, Name: d.Name, Version: r.Version, File: r.Files[i].Name})
			}
		}
	}
	tags := map[string]string{}
	for tag, v := range want {
		if err := checkTag(tag); err != nil {
			return err
		}
		if !stays[v] {
			return bonded.Errorf(bonded.Invalid, "the tag %s would point to %+q, which %s does not have", tag, clip(v), d.Name.Key)
		}
		tags[tag] = v
	}
	if tags["latest"] == "" && newest != "" {
		tags["latest"] = newest
	}
	for _, tag := range sortedKeys(tags) {
		if tagged(past, tag) != tags[tag] {
			d.Facts = append(d.Facts, bonded.Entry{Type: bonded.SetTag, Name: d.Name, Tag: tag, Version: tags[tag]})
		}
	}
	for _, t := range past.Tags {
		if tags[t.Name] == "" {
			d.Facts = append(d.Facts, bonded.Entry{Type: bonded.DropTag, Name: d.Name, Tag: t.Name})
		}
	}
	return nil
}

// draftTag reads npm dist-tag add: the body is the version as a JSON string.
func draftTag(a ecosystem.Ask, up ecosystem.Upload) (bonded.Draft, error) {
	d := bonded.Draft{Name: a.Name}
	if err := checkTag(a.Tag); err != nil {
		return d, err
	}
	body, err := io.ReadAll(io.LimitReader(up.Body, 4*maxVersion))
	if err != nil {
		return d, err
	}
	var version string
	if err := json.Unmarshal(body, &version); err != nil {
		return d, bonded.Errorf(bonded.Invalid, "the request carries no version for the tag %s", a.Tag)
	}
	past, err := livePast(a.Name, up)
	if err != nil {
		return d, err
	}
	if r := past.Release(version); r == nil || !r.Live() {
		return d, bonded.Errorf(bonded.NotFound, "%s has no version %+q", a.Name.Key, clip(version))
	}
	if tagged(past, a.Tag) != version {
		d.Facts = append(d.Facts, bonded.Entry{Type: bonded.SetTag, Name: a.Name, Tag: a.Tag, Version: version})
	}
	return d, nil
}

// draftUntag reads npm dist-tag rm.
func draftUntag(a ecosystem.Ask, up ecosystem.Upload) (bonded.Draft, error) {
	d := bonded.Draft{Name: a.Name}
	past, err := livePast(a.Name, up)
	if err != nil {
		return d, err
	}
	if a.Tag == "latest" {
		return d, bonded.Errorf(bonded.Invalid, "every package has a latest version; move the tag instead of removing it")
	}
	if tagged(past, a.Tag) == "" {
		return d, bonded.Errorf(bonded.NotFound, "%s has no tag %+q", a.Name.Key, clip(a.Tag))
	}
	d.Facts = []bonded.Entry{{Type: bonded.DropTag, Name: a.Name, Tag: a.Tag}}
	return d, nil
}
