package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"bonded.dev/prove/visit"
)

// Visit is one audit's view of a repository in one dialect.
type Visit struct {
	Site *visit.Site
	// Packages are what is looked at: those that were asked for, else the first
	// that the repository names.
	Packages []*visit.Package
	// Missing were asked for, and are not there for a stranger.
	Missing []string
	// Credential is what the operator gave; empty: nobody's.
	Credential visit.Credential
	// Made is a token that a stay made; it does not work any more.
	Made visit.Credential
	// Witnesses are verifier keys of witnesses whom the auditor knows.
	Witnesses []string
	// SumDB is the verifier key of the checksum database that clients of module
	// proxies ask, as the auditor named it; empty: none was named.
	SumDB string
	// Now is when the visit began. It decides what has expired, and is never
	// part of what is said.
	Now time.Time

	seen    map[string]answer
	log     *remembered[*Log]
	samples *remembered[[]Sample]
}

type answer struct {
	visit.Response
	err error
}

// remembered is what was found out once.
type remembered[T any] struct {
	value T
	err   error
}

// Kind is the dialect's name.
func (v *Visit) Kind() string { return v.Site.Dialect.ID() }

// Get fetches a URL once per audit; a reference is relative to the repository's
// base URL.
func (v *Visit) Get(ctx context.Context, ref, accept string) (visit.Response, error) {
	r := visit.Request{Method: "GET", URL: ref}
	if accept != "" {
		r.Header = map[string]string{"Accept": accept}
	}
	return v.Ask(ctx, r)
}

// Ask makes a request once per audit; its URL may be relative to the
// repository's base URL. It is for questions: GET, HEAD, and those POSTs that
// ask and change nothing.
func (v *Visit) Ask(ctx context.Context, r visit.Request) (visit.Response, error) {
	r.URL = visit.Resolve(v.Site.Base, r.URL)
	key := fmt.Sprintf("%s %s %v %v %q", r.Method, r.URL, r.NoRedirect, r.Header, r.Body)
	if a, ok := v.seen[key]; ok {
		return a.Response, a.err
	}
	res, err := v.Site.Web.Do(ctx, r)
	if ctx.Err() != nil {
		return res, ctx.Err()
	}
	if v.seen == nil {
		v.seen = map[string]answer{}
	}
	v.seen[key] = answer{res, err}
	return res, err
}

// SameHost reports whether a URL is of the repository's own host.
func (v *Visit) SameHost(ref string) bool {
	a, err := url.Parse(ref)
	b, err2 := url.Parse(v.Site.Base)
	return err == nil && err2 == nil && a.Host == b.Host && a.Scheme == b.Scheme
}

// Sample is a file that was looked at, with its bytes.
type Sample struct {
	Package *visit.Package
	Release *visit.Release
	File    visit.File
	Answer  visit.Response
}

// largestSample is how large a file may be that an audit fetches, bytes: a
// stranger does not download what others pay for.
const largestSample = 4 << 20

// Samples fetches a file of the newest release of each package, where it is
// small enough.
func (v *Visit) Samples(ctx context.Context) ([]Sample, error) {
	if v.samples == nil {
		list, err := v.sample(ctx)
		v.samples = &remembered[[]Sample]{list, err}
	}
	return v.samples.value, v.samples.err
}

func (v *Visit) sample(ctx context.Context) (list []Sample, err error) {
	for _, p := range v.Packages {
		r := Newest(p)
		if r == nil || len(r.Files) == 0 {
			continue
		}
		f := slices.MinFunc(r.Files, func(a, b visit.File) int { return cmp.Compare(a.Size, b.Size) })
		size := f.Size
		if size == 0 {
			head, err := v.Ask(ctx, visit.Request{Method: "HEAD", URL: f.URL})
			if err != nil {
				return nil, err
			}
			size = Length(head)
		}
		if size > largestSample {
			continue
		}
		a, err := v.Site.Fetch(ctx, f)
		if err != nil {
			return nil, err
		}
		if a.OK() && !a.Cut {
			list = append(list, Sample{p, r, f, a})
		}
	}
	return list, nil
}

// Length is the size that an answer tells beforehand; 0 when it tells none.
func Length(r visit.Response) int64 {
	var n int64
	if _, err := fmt.Sscanf(r.Header.Get("Content-Length"), "%d", &n); err != nil || n < 0 {
		return 0
	}
	return n
}

// Newest is the release that an installer without a wish would take: the one
// tagged latest, else the youngest as far as times are told, else the last in
// the index; nil when there is none.
func Newest(p *visit.Package) *visit.Release {
	if r := p.Release(p.Tags["latest"]); r != nil {
		return r
	}
	var newest *visit.Release
	for i := range p.Releases {
		r := &p.Releases[i]
		if newest == nil || r.Time >= newest.Time {
			newest = r
		}
	}
	return newest
}

// look reads the packages that the audit looks at. What is not there for a
// stranger is missing; trouble says why anything else could not be read. With a
// credential that is no trouble: it may be for what a stranger must not see.
func (v *Visit) look(ctx context.Context, wanted []string, most int) (trouble error) {
	names := wanted
	if len(names) == 0 {
		var err error
		if names, err = v.Site.Dialect.Names(ctx, v.Site, most); err != nil {
			return fmt.Errorf("asking which packages there are: %w", err)
		}
	}
	for _, name := range names[:min(most, len(names))] {
		p, err := v.Site.Package(ctx, name)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, visit.ErrEnough):
			return err
		case err == nil:
			v.Packages = append(v.Packages, p)
			continue
		case !errors.Is(err, visit.ErrNone) && v.Credential == "" && trouble == nil:
			trouble = fmt.Errorf("reading %s: %w", name, err)
		}
		v.Missing = append(v.Missing, name)
	}
	return trouble
}
