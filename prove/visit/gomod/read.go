package gomod

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/dirhash"

	"bonded.dev/prove/visit"
)

// looked is how many releases, the highest, are read one by one: each takes two
// requests, and old modules have thousands.
const looked = 8

// Package reads the list of versions and, of the highest ones, what a proxy
// tells about each:
//
//	Time                   Time in the .info document
//	Manifest.Dependencies  require in the .mod file
//	Manifest.Requires      go in the .mod file
//	Yanked                 retract in the .mod file of the highest release
//	Status                 "deprecated", by the comment above module there
//	Digests                h1, from the checksum database, when one is named
//
// A module without tags has an empty list; then it is the one version that
// @latest names.
func (d Dialect) Package(ctx context.Context, s *visit.Site, name string) (*visit.Package, error) {
	at := s.Root + escapePath(name) + "/"
	r, err := s.Web.Get(ctx, at+"@v/list", "")
	if err != nil {
		return nil, err
	}
	if !r.OK() && !isNone(r) {
		return nil, fmt.Errorf("reading %s: %d %s", name, r.Status, r.Reason)
	}
	p := &visit.Package{Name: name, Index: r}
	var all []string
	if r.OK() {
		if all, err = versions(r); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
	}
	if len(all) == 0 {
		if all, err = latest(ctx, s, at); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
	}
	for _, v := range all {
		zip := at + "@v/" + escapeVersion(v) + ".zip"
		p.Releases = append(p.Releases, visit.Release{Version: v, Files: []visit.File{
			{Name: v + ".zip", URL: zip, Digests: map[string]string{}},
		}})
	}
	return p, d.look(ctx, s, at, p)
}

// latest asks for the one version that a proxy would choose.
func latest(ctx context.Context, s *visit.Site, at string) ([]string, error) {
	i, r, err := info(ctx, s, at+"@latest")
	switch {
	case err != nil:
		return nil, err
	case isNone(r):
		return nil, fmt.Errorf("%d: %w", r.Status, visit.ErrNone)
	case !r.OK() || !semver.IsValid(i.Version):
		return nil, fmt.Errorf("@latest answers %d %s", r.Status, r.Reason)
	}
	return []string{i.Version}, nil
}

// revision is an .info document.
type revision struct{ Version, Time string }

func info(ctx context.Context, s *visit.Site, url string) (i revision, r visit.Response, err error) {
	if r, err = s.Web.Get(ctx, url, ""); err != nil || !r.OK() {
		return i, r, err
	}
	// The go command ignores members that it does not know, and so do we; of one
	// named twice it takes the last, and we take none.
	if err := json.Unmarshal(r.Body, &i); err != nil {
		return i, r, fmt.Errorf("reading %s: %w", url, err)
	}
	return i, r, nil
}

// look reads the highest releases one by one.
func (d Dialect) look(ctx context.Context, s *visit.Site, at string, p *visit.Package) error {
	order := make([]*visit.Release, len(p.Releases))
	for i := range p.Releases {
		order[i] = &p.Releases[i]
	}
	slices.SortFunc(order, func(a, b *visit.Release) int { return higher(a.Version, b.Version) })
	for i, r := range order[:min(looked, len(order))] {
		file, err := d.release(ctx, s, at, p.Name, r)
		if err != nil {
			return fmt.Errorf("reading %s %s: %w", p.Name, r.Version, err)
		}
		if i == 0 && file != nil {
			retract(p, file)
		}
	}
	return nil
}

// higher sorts the version that a client would take first: releases before
// what is none yet, and the higher before the lower.
func higher(a, b string) int {
	pre := func(v string) int { return min(1, len(semver.Prerelease(v))) }
	if d := pre(a) - pre(b); d != 0 {
		return d
	}
	return semver.Compare(b, a)
}

// release fills in what a proxy tells about one version; the file is nil when
// it does not serve one that can be read.
func (d Dialect) release(ctx context.Context, s *visit.Site, at, name string, r *visit.Release) (*modfile.File, error) {
	where := at + "@v/" + escapeVersion(r.Version)
	i, _, err := info(ctx, s, where+".info")
	if err != nil {
		return nil, err
	}
	r.Time = i.Time
	res, err := s.Web.Get(ctx, where+".mod", "")
	if err != nil {
		return nil, err
	}
	if d.SumDB != "" {
		if err := d.sums(ctx, s, name, r); err != nil {
			return nil, err
		}
	}
	if !res.OK() {
		return nil, nil
	}
	file, err := modfile.ParseLax("go.mod", res.Body, nil)
	if err != nil {
		return nil, nil // hostile or too new: there is nothing to tell
	}
	r.Manifest = manifest(file)
	return file, nil
}

func manifest(file *modfile.File) visit.Manifest {
	var m visit.Manifest
	if file.Module != nil {
		m.Name = file.Module.Mod.Path
	}
	if file.Go != nil {
		m.Requires = file.Go.Version
	}
	for _, r := range file.Require {
		if m.Dependencies == nil {
			m.Dependencies = map[string]string{}
		}
		m.Dependencies[r.Mod.Path] = r.Mod.Version
	}
	return m
}

// retract applies what the latest go.mod says of the module and its releases.
func retract(p *visit.Package, latest *modfile.File) {
	if latest.Module != nil && latest.Module.Deprecated != "" {
		p.Status = "deprecated"
	}
	for i := range p.Releases {
		v := p.Releases[i].Version
		for _, r := range latest.Retract {
			if semver.Compare(r.Low, v) <= 0 && semver.Compare(v, r.High) <= 0 {
				p.Releases[i].Yanked = true
			}
		}
	}
}

// sums asks the checksum database through the proxy. Its answer is a record of
// lines as in go.sum and a signed tree head, which is not checked here: what is
// read is what the repository tells.
func (d Dialect) sums(ctx context.Context, s *visit.Site, name string, r *visit.Release) error {
	ref := escapePath(name) + "@" + escapeVersion(r.Version)
	res, err := s.Web.Get(ctx, s.Root+"sumdb/"+d.SumDB+"/lookup/"+ref, "")
	if err != nil || !res.OK() {
		return err
	}
	for line := range strings.Lines(string(res.Body)) {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] != name || f[1] != r.Version {
			continue
		}
		if sum, err := FromH1(f[2]); err == nil {
			r.Files[0].Digests["h1"] = sum
		}
	}
	return nil
}

// FromH1 reads a digest as go.sum writes it.
func FromH1(s string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "h1:"))
	return hex.EncodeToString(b), err
}

// Sum computes the h1 digest of a module's zip file, lower-case hex, which
// go.sum and a checksum database write as base64.
func Sum(file []byte) (string, error) {
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return "", fmt.Errorf("summing a module: %w", err)
	}
	files := map[string]*zip.File{} // of two entries with one name the last, as the go command
	names := make([]string, 0, len(z.File))
	for _, f := range z.File {
		files[f.Name] = f
		names = append(names, f.Name)
	}
	sum, err := dirhash.Hash1(names, func(name string) (io.ReadCloser, error) { return files[name].Open() })
	if err != nil {
		return "", fmt.Errorf("summing a module: %w", err)
	}
	return FromH1(sum)
}
