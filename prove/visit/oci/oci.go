// Package oci says to a registry what docker, oras and crane say: the OCI
// distribution specification 1.1, and the token requests that registries add.
//
//	Find     GET     v2/
//	Names    GET     _catalog
//	Package  GET     NAME/tags/list, NAME/manifests/TAG, NAME/referrers/DIGEST
//	Fetch    GET     NAME/manifests/DIGEST, NAME/blobs/DIGEST
//	Publish  POST    NAME/blobs/uploads/, PUT where that leads, PUT NAME/manifests/TAG
//	Delete   DELETE  NAME/manifests/DIGEST
//	Tag      GET     NAME/manifests/TAG, PUT NAME/manifests/OTHER
//
// A package is a repository and a version is a tag, though a tag may be moved:
// that a registry lets somebody do so is what drills look for. What is published
// is one manifest with one layer, a tar.gz with the canary and the members; its
// config says what is inside, its annotations say what was claimed.
package oci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"bonded.dev/prove/visit"
)

// Dialect is what OCI clients speak.
type Dialect struct{}

var _ visit.Fetcher = Dialect{}

// ID returns the name of the kind.
func (Dialect) ID() string { return "oci" }

const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	typeJSON     = "application/json"
	// manifests is what a client says it takes when it asks for one.
	manifests = typeManifest + ", " + typeIndex +
		", application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"
	// nobody is a repository that no registry has.
	nobody = "bonded-visitor/no-such-repository"
)

var errShape = errors.New("the answer is not what an OCI client reads")

// Find takes a URL for a registry that says so in a header or in the form of its
// errors, or asks who is there at v2/ and not at a path beside it; and that does
// not serve what nobody pushed.
func (Dialect) Find(ctx context.Context, w *visit.Web, base string) (string, error) {
	roots := []string{base + "v2/"}
	if strings.HasSuffix(base, "/v2/") {
		roots = append(roots, base)
	}
	for _, root := range roots {
		r, err := w.Get(ctx, root, typeJSON)
		if err != nil {
			return "", err
		}
		if r.Status != 200 && r.Status != 401 {
			continue
		}
		none, err := w.Get(ctx, root+nobody+"/manifests/none", manifests)
		if err != nil {
			return "", err
		}
		says := r.Header.Get("Docker-Distribution-Api-Version") == "registry/2.0" || len(complaints(none)) > 0
		if !says && r.Status == 401 {
			if says, err = asksHere(ctx, w, root); err != nil {
				return "", err
			}
		}
		if says && !none.OK() {
			return root, nil
		}
	}
	return "", nil
}

// asksHere tells a registry that asks for a credential from a whole server that
// does.
func asksHere(ctx context.Context, w *visit.Web, root string) (bool, error) {
	beside, err := w.Get(ctx, strings.TrimSuffix(root, "v2/")+"bonded-visitor-beside-v2", "")
	return beside.Status != 401, err
}

// complaint is one error in an answer (specification, "Error Codes").
type complaint struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func complaints(r visit.Response) []complaint {
	var body struct {
		Errors []complaint `json:"errors"`
	}
	if json.Unmarshal(r.Body, &body) != nil {
		return nil
	}
	return slices.DeleteFunc(body.Errors, func(c complaint) bool { return c.Code == "" })
}

// Names returns what the catalog lists, which is not in the specification and
// which many registries keep to themselves.
func (Dialect) Names(ctx context.Context, s *visit.Site, limit int) ([]string, error) {
	r, err := ask(ctx, s, "", visit.Request{Method: "GET", URL: fmt.Sprintf("%s_catalog?n=%d", s.Root, max(limit, 1))})
	if err != nil || !r.OK() {
		return nil, err
	}
	var list struct {
		Repositories []string `json:"repositories"`
	}
	if json.Unmarshal(r.Body, &list) != nil {
		return nil, nil
	}
	slices.Sort(list.Repositories)
	return list.Repositories[:min(limit, len(list.Repositories))], nil
}

// Fetch reads a manifest as what it is, and a blob.
func (Dialect) Fetch(ctx context.Context, s *visit.Site, f visit.File) (visit.Response, error) {
	return ask(ctx, s, "", visit.Request{Method: "GET", URL: f.URL, Header: map[string]string{"Accept": manifests + ", */*"}})
}

// at is the URL of a repository. A name has slashes, which stay.
func at(s *visit.Site, name string) string {
	return s.Root + strings.ReplaceAll(url.PathEscape(name), "%2F", "/") + "/"
}

// answer is what a client prints: the codes and messages, or whatever else
// stands there for a person to read. That a registry has no such operation it
// says by 405, or by a code of its own.
func answer(r visit.Response) (visit.Answer, error) {
	a := visit.Answer{Status: r.Status, Text: r.Reason}
	if r.OK() {
		return a, nil
	}
	var said []string
	for _, c := range complaints(r) {
		said = append(said, strings.TrimSuffix(c.Code+": "+c.Message, ": "))
		if c.Code == "UNSUPPORTED" {
			r.Status = 405
		}
	}
	a.Text = cmp.Or(strings.Join(said, "; "), visit.Plain(r), r.Reason)
	if r.Status == 405 || r.Status == 501 {
		return visit.Answer{}, fmt.Errorf("%s: %s: %w", r.URL, a, visit.ErrNotSpoken)
	}
	return a, nil
}

// Delete deletes the manifest that a tag names, by its digest, as clients do:
// every tag of that manifest goes with it. The whole package is all its tags,
// for a repository has no delete of its own.
func (Dialect) Delete(ctx context.Context, s *visit.Site, as visit.Credential, name, version string) (visit.Answer, error) {
	tags := []string{version}
	if version == "" {
		all, r, err := list(ctx, s, as, name)
		if err != nil {
			return visit.Answer{}, err
		}
		if !r.OK() {
			return answer(r)
		}
		tags = all
	}
	last := visit.Answer{Status: 404, Text: "there is no tag of " + name}
	for _, tag := range tags {
		m, err := manifest(ctx, s, as, name, tag)
		if err != nil {
			return visit.Answer{}, err
		}
		if m.Status == 404 && version == "" {
			continue // gone with another tag
		}
		if !m.OK() {
			return answer(m.Response)
		}
		r, err := ask(ctx, s, as, visit.Request{Method: "DELETE", URL: at(s, name) + "manifests/" + m.digest()})
		if err != nil {
			return visit.Answer{}, err
		}
		if last, err = answer(r); err != nil || !last.Taken() {
			return last, err
		}
	}
	return last, nil
}

// Tag copies the manifest of a version to another tag.
func (Dialect) Tag(ctx context.Context, s *visit.Site, as visit.Credential, name, tag, version string) (visit.Answer, error) {
	m, err := manifest(ctx, s, as, name, version)
	if err != nil {
		return visit.Answer{}, err
	}
	if !m.OK() {
		return answer(m.Response)
	}
	return put(ctx, s, as, name, tag, m.Header.Get("Content-Type"), m.Body)
}

// Yank is not in the specification: what is not to be used is deleted.
func (Dialect) Yank(context.Context, *visit.Site, visit.Credential, string, string) (visit.Answer, error) {
	return visit.Answer{}, fmt.Errorf("yanking an image: %w", visit.ErrNotSpoken)
}
