package oci

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/semver"

	"bonded.dev/prove/visit"
)

const (
	// looked is how many tags are read one by one: each takes two requests.
	looked = 16
	// pages is how many pages of tags are read.
	pages = 10
)

// beside matches a tag that stands for a signature or an attestation of another
// manifest, by the habits of cosign and of the specification's fallback.
var beside = regexp.MustCompile(`^sha256-[0-9a-f]{64}(\.\w+)?$`)

// Package reads the tags of a repository and the manifests of those that a
// client would take first: latest, the highest versions, then the others. From
// where comes what:
//
//	Files       the layers and the config, or the manifests, and the manifest itself
//	Digests     Docker-Content-Digest, and digest in descriptors
//	Size        size in descriptors
//	Manifest    the annotations title, version and description
//	Provenance  the referrers list, when it lists something
//	Tags        labels of a manifest that a tag like a version also names
//
// A registry tells no times and has no status.
func (Dialect) Package(ctx context.Context, s *visit.Site, name string) (*visit.Package, error) {
	tags, r, err := list(ctx, s, "", name)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	switch {
	case r.Status == 404, r.Status == 400: // 400 is the answer to what is no name
		return nil, fmt.Errorf("reading %s: %d: %w", name, r.Status, visit.ErrNone)
	case !r.OK():
		return nil, fmt.Errorf("reading %s: %d %s", name, r.Status, r.Reason)
	case len(tags) == 0: // as some answer for what was never there
		return nil, fmt.Errorf("reading %s: no tags: %w", name, visit.ErrNone)
	}
	p := &visit.Package{Name: name, Index: r, Tags: map[string]string{}}
	for _, tag := range tags {
		if !beside.MatchString(tag) {
			p.Releases = append(p.Releases, visit.Release{Version: tag})
		}
	}
	order := make([]*visit.Release, len(p.Releases))
	for i := range p.Releases {
		order[i] = &p.Releases[i]
	}
	slices.SortStableFunc(order, func(a, b *visit.Release) int { return first(a.Version, b.Version) })
	digests := map[string]string{} // of tags
	for _, rel := range order[:min(looked, len(order))] {
		if digests[rel.Version], err = look(ctx, s, name, rel); err != nil {
			return nil, fmt.Errorf("reading %s:%s: %w", name, rel.Version, err)
		}
	}
	label(p, digests)
	return p, nil
}

// first sorts latest first, then what looks like a version, the highest first.
func first(a, b string) int {
	rank := func(tag string) int {
		switch {
		case tag == "latest":
			return 0
		case semver.IsValid(asVersion(tag)):
			return 1
		}
		return 2
	}
	return cmp.Or(rank(a)-rank(b), semver.Compare(asVersion(b), asVersion(a)))
}

func asVersion(tag string) string { return "v" + strings.TrimPrefix(tag, "v") }

// list reads the tags of a repository, page by page; r is the first answer.
func list(ctx context.Context, s *visit.Site, as visit.Credential, name string) (tags []string, r visit.Response, err error) {
	next := at(s, name) + "tags/list"
	for i := 0; i < pages && next != ""; i++ {
		page, err := ask(ctx, s, as, visit.Request{Method: "GET", URL: next})
		if err != nil {
			return nil, r, err
		}
		if i == 0 {
			r = page
		}
		if !page.OK() {
			return tags, r, nil
		}
		var body struct {
			Tags []string `json:"tags"`
		}
		if err := json.Unmarshal(page.Body, &body); err != nil {
			return nil, r, fmt.Errorf("%w: %w", errShape, err)
		}
		tags = append(tags, body.Tags...)
		next = nextPage(page)
	}
	return tags, r, nil
}

// nextPage reads the Link header of a page: <URL>; rel="next".
func nextPage(r visit.Response) string {
	ref, rel, ok := strings.Cut(strings.TrimPrefix(r.Header.Get("Link"), "<"), ">")
	if !ok || !strings.Contains(rel, "next") {
		return ""
	}
	return visit.Resolve(r.URL, ref)
}

// told is an answer that holds a manifest.
type told struct{ visit.Response }

// digest is what the registry says that the manifest's is; without a word, what
// it is.
func (t told) digest() string {
	return cmp.Or(t.Header.Get("Docker-Content-Digest"), digestOf(t.Body))
}

func manifest(ctx context.Context, s *visit.Site, as visit.Credential, name, tag string) (told, error) {
	r, err := ask(ctx, s, as, visit.Request{
		Method: "GET", URL: at(s, name) + "manifests/" + url.PathEscape(tag), Header: map[string]string{"Accept": manifests},
	})
	return told{r}, err
}

// look reads the manifest of a tag. A tag whose manifest is gone has no files.
func look(ctx context.Context, s *visit.Site, name string, rel *visit.Release) (digest string, err error) {
	m, err := manifest(ctx, s, "", name, rel.Version)
	if err != nil || !m.OK() {
		return "", err
	}
	var body image
	if err := json.Unmarshal(m.Body, &body); err != nil {
		return "", fmt.Errorf("%w: %w", errShape, err)
	}
	digest = m.digest()
	own := visit.File{
		Name: rel.Version, URL: at(s, name) + "manifests/" + digest, Size: int64(len(m.Body)),
		Digests: digests(m.Header.Get("Docker-Content-Digest")),
	}
	if own.Provenance, err = referrers(ctx, s, name, digest); err != nil {
		return "", err
	}
	rel.Manifest = visit.Manifest{
		Name: body.Annotations[title], Version: body.Annotations[version], Description: body.Annotations[description],
	}
	for _, d := range body.Layers {
		rel.Files = append(rel.Files, file(at(s, name)+"blobs/", d))
	}
	if body.Config != nil {
		rel.Files = append(rel.Files, file(at(s, name)+"blobs/", *body.Config))
	}
	for _, d := range body.Manifests {
		rel.Files = append(rel.Files, file(at(s, name)+"manifests/", d))
	}
	rel.Files = append(rel.Files, own)
	return digest, nil
}

func file(below string, d descriptor) visit.File {
	return visit.File{
		Name: cmp.Or(d.Annotations[title], d.Digest), URL: below + d.Digest, Size: d.Size, Digests: digests(d.Digest),
	}
}

func digests(d string) map[string]string {
	kind, value, ok := strings.Cut(d, ":")
	if !ok {
		return map[string]string{}
	}
	return map[string]string{kind: strings.ToLower(value)}
}

// referrers is the URL of the list of what refers to a manifest, signatures and
// attestations among it; "" when there is none or nothing on it.
func referrers(ctx context.Context, s *visit.Site, name, digest string) (string, error) {
	where := at(s, name) + "referrers/" + digest
	r, err := ask(ctx, s, "", visit.Request{Method: "GET", URL: where, Header: map[string]string{"Accept": typeIndex}})
	if err != nil || !r.OK() {
		return "", err
	}
	var body image
	if json.Unmarshal(r.Body, &body) != nil || len(body.Manifests) == 0 {
		return "", nil
	}
	return where, nil
}

// label tells which tags stand for which version: those whose manifest a longer
// tag like a version also names, as 1 and latest stand for 1.2.3.
func label(p *visit.Package, digests map[string]string) {
	longest := map[string]string{} // of a digest, the tag most like a version
	for _, r := range p.Releases {
		d := digests[r.Version]
		if d != "" && semver.IsValid(asVersion(r.Version)) && len(r.Version) > len(longest[d]) {
			longest[d] = r.Version
		}
	}
	for _, r := range p.Releases {
		if v := longest[digests[r.Version]]; v != "" && v != r.Version {
			p.Tags[r.Version] = v
		}
	}
}
