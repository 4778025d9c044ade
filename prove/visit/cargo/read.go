package cargo

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"bonded.dev/prove/visit"
)

// line is one version in the index. From where in it comes what:
//
//	Manifest.Dependencies  deps, those for development left out: package or else
//	                       name, and req
//	Manifest.Requires      rust_version
//	Time                   pubtime, which indexes have had since 2025
//	Yanked                 yanked
//	Digests                cksum, SHA-256 of the .crate
//
// Whether a crate runs a script when it is built the index does not tell.
type line struct {
	Name    string       `json:"name"`
	Version string       `json:"vers"`
	Deps    []dependency `json:"deps"`
	Sum     string       `json:"cksum"`
	Yanked  bool         `json:"yanked"`
	Rust    string       `json:"rust_version"`
	Time    string       `json:"pubtime"`
}

type dependency struct {
	Name    string `json:"name"`
	Req     string `json:"req"`
	Kind    string `json:"kind"`
	Package string `json:"package"`
}

// Package reads the index file of a crate.
func (Dialect) Package(ctx context.Context, s *visit.Site, name string) (*visit.Package, error) {
	c, err := settings(ctx, s, "")
	if err != nil {
		return nil, err
	}
	r, err := s.Web.Get(ctx, s.Root+indexPath(name), "")
	if err != nil {
		return nil, err
	}
	switch r.Status {
	case 404, 410, 451, 400: // the three by which an index says no (RFC 2789), and what it says to no name
		return nil, fmt.Errorf("reading %s: %d: %w", name, r.Status, visit.ErrNone)
	}
	if !r.OK() {
		return nil, fmt.Errorf("reading %s: %d %s", name, r.Status, r.Reason)
	}
	p := &visit.Package{Name: name, Index: r}
	for text := range strings.Lines(string(r.Body)) {
		if strings.TrimSpace(text) == "" {
			continue
		}
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			return nil, fmt.Errorf("reading %s: %w: %w", name, errShape, err)
		}
		p.Name = l.Name
		p.Releases = append(p.Releases, l.release(c.DL))
	}
	return p, nil
}

func (l line) release(dl string) visit.Release {
	r := visit.Release{
		Version: l.Version, Time: l.Time, Yanked: l.Yanked,
		Manifest: visit.Manifest{Name: l.Name, Version: l.Version, Requires: l.Rust},
		Files: []visit.File{{
			Name: l.Name + "-" + l.Version + ".crate",
			URL:  download(dl, l), Digests: map[string]string{},
		}},
	}
	if l.Sum != "" {
		r.Files[0].Digests["sha256"] = strings.ToLower(l.Sum)
	}
	for _, d := range l.Deps {
		if d.Kind == "dev" {
			continue
		}
		if r.Manifest.Dependencies == nil {
			r.Manifest.Dependencies = map[string]string{}
		}
		name := d.Name
		if d.Package != "" { // Name is what the crate calls it, Package what it is
			name = d.Package
		}
		r.Manifest.Dependencies[name] = d.Req
	}
	return r
}

// download fills the template of config.json; one without a mark gets the
// usual path.
func download(dl string, l line) string {
	if !strings.Contains(dl, "{") {
		return strings.TrimSuffix(dl, "/") + "/" + url.PathEscape(l.Name) + "/" + url.PathEscape(l.Version) + "/download"
	}
	return strings.NewReplacer(
		"{crate}", url.PathEscape(l.Name), "{version}", url.PathEscape(l.Version),
		"{prefix}", prefix(l.Name), "{lowerprefix}", prefix(strings.ToLower(l.Name)),
		"{sha256-checksum}", l.Sum,
	).Replace(dl)
}

// indexPath is where the index keeps a name, which it keeps in lower case.
func indexPath(name string) string {
	name = strings.ToLower(name)
	return prefix(name) + "/" + url.PathEscape(name)
}

// prefix is the folder of a name: by its length up to three letters, and by its
// first four beyond.
func prefix(name string) string {
	switch n := len(name); {
	case n == 0:
		return "0"
	case n < 3:
		return fmt.Sprint(n)
	case n == 3:
		return "3/" + url.PathEscape(name[:1])
	}
	return url.PathEscape(name[:2]) + "/" + url.PathEscape(name[2:4])
}
