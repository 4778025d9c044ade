package npm

import (
	"context"
	"fmt"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/semver"

	"bonded.dev/prove/visit"
)

// draft is a package's document as a client changes it and sends it back: what
// it does not know stays as it was.
type draft map[string]jsontext.Value

// checkOut reads a document to change. Where that is refused, answer says how.
func checkOut(ctx context.Context, s *visit.Site, as visit.Credential, name string) (doc draft, refused visit.Answer, err error) {
	r, err := s.Web.Do(ctx, visit.Request{Method: "GET", URL: s.Root + escaped(name) + "?write=true", Header: headers(as)})
	if err != nil {
		return nil, refused, err
	}
	if !r.OK() {
		refused, err = answer("GET", r)
		return nil, refused, err
	}
	if err := json.Unmarshal(r.Body, &doc); err != nil {
		return nil, refused, fmt.Errorf("reading %s to change it: %w: %w", name, errShape, err)
	}
	return doc, refused, nil
}

// object reads one of the document's objects.
func (d draft) object(name string) (draft, error) {
	o := draft{}
	if v := d[name]; v.Kind() == '{' {
		if err := json.Unmarshal(v, &o); err != nil {
			return nil, fmt.Errorf("reading %s: %w: %w", name, errShape, err)
		}
	}
	return o, nil
}

func (d draft) put(name string, v any) error {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	d[name] = b
	return nil
}

func (d draft) send(ctx context.Context, s *visit.Site, as visit.Credential, url string) (visit.Answer, error) {
	body, err := json.Marshal(d, json.Deterministic(true))
	if err != nil {
		return visit.Answer{}, fmt.Errorf("writing the document: %w", err)
	}
	return send(ctx, s, as, "PUT", url, body)
}

// Delete does what npm unpublish does: the last version goes with the package,
// any other by a document without it and then by its tarball. The answer is
// that of the first of the two, unless the second is refused: then the tarball
// is still there.
func (Dialect) Delete(ctx context.Context, s *visit.Site, as visit.Credential, name, v string) (visit.Answer, error) {
	doc, refused, err := checkOut(ctx, s, as, name)
	if doc == nil || err != nil {
		return refused, err
	}
	versions, err := doc.object("versions")
	if err != nil {
		return visit.Answer{}, err
	}
	at := s.Root + escaped(name) + "/-rev/" + url.PathEscape(text(doc["_rev"]))
	gone, has := versions[v]
	switch {
	case v == "" || has && len(versions) == 1:
		return send(ctx, s, as, "DELETE", at, nil)
	case !has:
		return visit.Answer{Status: 404, Text: "the index does not list " + name + " " + v}, nil
	}
	delete(versions, v)
	if err := doc.without(v, versions); err != nil {
		return visit.Answer{}, err
	}
	a, err := doc.send(ctx, s, as, at)
	if err != nil || !a.Taken() {
		return a, err
	}
	then, err := deleteTarball(ctx, s, as, name, gone)
	if err == nil && then.Taken() {
		return a, nil
	}
	return then, err
}

// without takes a version out of the document: the tags that point to it go,
// and latest goes to the greatest that is left.
func (d draft) without(v string, left draft) error {
	tags, err := d.object("dist-tags")
	if err != nil {
		return err
	}
	for tag, at := range tags {
		if text(at) == v {
			delete(tags, tag)
		}
	}
	if _, ok := tags["latest"]; !ok {
		greatest := ""
		for w := range left {
			if greatest == "" || semver.Compare("v"+w, "v"+greatest) > 0 {
				greatest = w
			}
		}
		if err := tags.put("latest", greatest); err != nil {
			return err
		}
	}
	delete(d, "_revisions")
	delete(d, "_attachments")
	if err := d.put("versions", left); err != nil {
		return err
	}
	return d.put("dist-tags", tags)
}

func deleteTarball(ctx context.Context, s *visit.Site, as visit.Credential, name string, manifest jsontext.Value) (visit.Answer, error) {
	v, err := readVersion(manifest)
	if err != nil {
		return visit.Answer{}, fmt.Errorf("reading what was deleted: %w", err)
	}
	doc, refused, err := checkOut(ctx, s, as, name)
	if doc == nil || err != nil {
		return refused, err
	}
	at := visit.Resolve(s.Root, text(v.Dist.Tarball)) + "/-rev/" + url.PathEscape(text(doc["_rev"]))
	return send(ctx, s, as, "DELETE", at, nil)
}

// Yank does what npm deprecate does.
func (Dialect) Yank(ctx context.Context, s *visit.Site, as visit.Credential, name, v string) (visit.Answer, error) {
	doc, refused, err := checkOut(ctx, s, as, name)
	if doc == nil || err != nil {
		return refused, err
	}
	versions, err := doc.object("versions")
	if err != nil {
		return visit.Answer{}, err
	}
	if _, has := versions[v]; !has {
		return visit.Answer{Status: 404, Text: "the index does not list " + name + " " + v}, nil
	}
	one, err := versions.object(v)
	if err != nil {
		return visit.Answer{}, err
	}
	if err := one.put("deprecated", "do not use this version"); err != nil {
		return visit.Answer{}, err
	}
	if err := versions.put(v, one); err != nil {
		return visit.Answer{}, err
	}
	if err := doc.put("versions", versions); err != nil {
		return visit.Answer{}, err
	}
	return doc.send(ctx, s, as, s.Root+escaped(name))
}

// Tag does what npm dist-tag add does.
func (Dialect) Tag(ctx context.Context, s *visit.Site, as visit.Credential, name, tag, v string) (visit.Answer, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return visit.Answer{}, fmt.Errorf("writing a version: %w", err)
	}
	return send(ctx, s, as, "PUT", s.Root+"-/package/"+escaped(name)+"/dist-tags/"+url.PathEscape(tag), body)
}
