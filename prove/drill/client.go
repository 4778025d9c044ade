package drill

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"bonded.dev/prove/visit"
)

// ErrDigest says that an ordinary client refuses a file, because its bytes do
// not have a digest that the index tells.
var ErrDigest = errors.New("the bytes do not have the digest that the index tells")

// Got is a file as an ordinary client has it.
type Got struct {
	visit.File
	Body []byte
}

// Install does what an ordinary client does, one that asks nobody but the
// repository: it reads the index, fetches the files of a version and holds each
// against the digests that stand beside it. nil when the index does not list the
// version or none of its files can be had; [ErrDigest] when one is refused.
func Install(ctx context.Context, site *visit.Site, name, version string) ([]Got, error) {
	p, err := site.Package(ctx, name)
	if errors.Is(err, visit.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := p.Release(version)
	if r == nil {
		return nil, nil
	}
	var all []Got
	for _, f := range r.Files {
		g, err := fetch(ctx, site, f)
		if err != nil {
			return nil, err
		}
		if g != nil {
			all = append(all, *g)
		}
	}
	return all, nil
}

func fetch(ctx context.Context, site *visit.Site, f visit.File) (*Got, error) {
	res, err := site.Fetch(ctx, f)
	if err != nil || !res.OK() {
		return nil, err
	}
	// As clients do, by the strongest one alone.
	for _, algorithm := range digests {
		if f.Digests[algorithm] == "" {
			continue
		}
		if hex.EncodeToString(digest(algorithm, res.Body)) != f.Digests[algorithm] {
			return nil, fmt.Errorf("%s, %s: %w", f.Name, algorithm, ErrDigest)
		}
		break
	}
	return &Got{f, res.Body}, nil
}

// Install is what an ordinary client gets in the scene's own dialect.
func (s *Scene) Install(ctx context.Context, name, version string) ([]Got, error) {
	return Install(ctx, s.Site, name, version)
}

// Released publishes an honest release as its owner and returns the file that
// an ordinary client then installs.
func (s *Scene) Released(ctx context.Context, name, version string) (Got, error) {
	if err := s.Publish(ctx, Owner, visit.Upload{Name: name, Version: version, Canary: "genuine " + version}); err != nil {
		return Got{}, err
	}
	got, err := s.Install(ctx, name, version)
	if err != nil {
		return Got{}, err
	}
	if len(got) == 0 {
		return Got{}, errors.New("what was published cannot be installed")
	}
	return got[0], nil
}

// digests are the algorithms that indexes tell, the strongest first.
var digests = [...]string{"sha512", "sha256", "sha1", "md5"}

// digest computes one; nil for an algorithm that is not known here.
func digest(algorithm string, b []byte) []byte {
	switch algorithm {
	case "md5":
		s := md5.Sum(b)
		return s[:]
	case "sha1":
		s := sha1.Sum(b)
		return s[:]
	case "sha256":
		s := sha256.Sum256(b)
		return s[:]
	case "sha512":
		s := sha512.Sum512(b)
		return s[:]
	}
	return nil
}

// Change is what somebody in between does to an answer; see [Between].
type Change func(path string, r visit.Response) visit.Response

// Swap gives clients other bytes for a file.
func Swap(f visit.File, now []byte) Change {
	at := requestURI(f.URL)
	return func(path string, r visit.Response) visit.Response {
		if path == at && r.OK() {
			r.Body = now
		}
		return r
	}
}

// Forge gives clients other bytes for a file, and makes everything agree:
// wherever a digest of the old bytes stands, in hex or in base64, stands that
// of the new. A document whose own digest stands in its header is a file like
// that one; so are those that name it.
func Forge(f visit.File, was, now []byte) Change {
	g := &forgery{made: map[string]visit.Response{}}
	at := requestURI(f.URL)
	g.replace(was, now)
	g.made[beside(at, now)] = visit.Response{Status: 200, Header: visit.Header{"Content-Type": {"application/octet-stream"}}, Body: now}
	swap := Swap(f, now)
	return func(path string, r visit.Response) visit.Response {
		if path == at {
			return swap(path, r)
		}
		return g.agree(path, r)
	}
}

// forgery is what was forged so far.
type forgery struct {
	mu    sync.Mutex
	pairs []string                  // digests: old, new, old, new
	made  map[string]visit.Response // by the path with the new digest
}

func (g *forgery) replace(was, now []byte) {
	for _, algorithm := range digests {
		a, b := digest(algorithm, was), digest(algorithm, now)
		g.pairs = append(g.pairs, hex.EncodeToString(a), hex.EncodeToString(b),
			base64.StdEncoding.EncodeToString(a), base64.StdEncoding.EncodeToString(b))
	}
}

// agree answers for addresses that only the forgery has, and changes digests in
// all other answers.
func (g *forgery) agree(path string, r visit.Response) visit.Response {
	g.mu.Lock()
	defer g.mu.Unlock()
	if made, ok := g.made[path]; ok && !r.OK() {
		return made
	}
	was := r.Body
	r = Rewrite(g.pairs...)(path, r)
	if !bytes.Equal(was, r.Body) && addressed(r.Header, was) {
		g.replace(was, r.Body)
	}
	replace := strings.NewReplacer(g.pairs...)
	r.Header = r.Header.Clone()
	for _, values := range r.Header {
		for i := range values {
			values[i] = replace.Replace(values[i])
		}
	}
	if !bytes.Equal(was, r.Body) {
		kept := r
		kept.Header = r.Header.Clone()
		kept.Header.Del("Content-Encoding") // nobody packs it again
		g.made[beside(path, r.Body)] = kept
	}
	return r
}

// addressed reports whether a header tells the digest of a body, as registries
// of images do.
func addressed(h visit.Header, body []byte) bool {
	sum := hex.EncodeToString(digest("sha256", body))
	return slices.Contains(h.Values("Docker-Content-Digest"), "sha256:"+sum)
}

// beside is where a file is that has its digest for a name.
func beside(at string, body []byte) string {
	return at[:strings.LastIndex(at, "/")+1] + "sha256:" + hex.EncodeToString(digest("sha256", body))
}

// Rewrite replaces texts in documents: old, new, old, new.
func Rewrite(pairs ...string) Change {
	replace := strings.NewReplacer(pairs...)
	return func(_ string, r visit.Response) visit.Response {
		if r.OK() && isText(r) {
			r.Body = []byte(replace.Replace(string(r.Body)))
		}
		return r
	}
}

// requestURI is what a client asks for on the wire.
func requestURI(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.RequestURI()
}

// Deceive stands between the repository and its clients and changes answers. It
// is harm when fooled, which looks through an ordinary client's eyes, says what
// somebody lost, and a verifying client does not object either; where nobody
// can verify the repository, the ordinary client decides alone. fooled returns
// "" when nothing of the change reached it, or [ErrDigest].
func (s *Scene) Deceive(ctx context.Context, change Change, fooled func(ctx context.Context, seen *visit.Site) (harm string, err error)) (Result, error) {
	verified, err := s.undisturbed(ctx)
	if err != nil {
		return Result{}, err
	}
	base, stop, err := Between(ctx, s.Site, change)
	if err != nil {
		return Result{}, err
	}
	defer stop()
	seen, err := s.Site.Via(ctx, base)
	if err != nil {
		return Result{}, err
	}
	harm, err := fooled(ctx, seen)
	switch {
	case errors.Is(err, ErrDigest):
		return Stopped("an ordinary client refuses: %v", err)
	case err != nil:
		return Result{}, err
	case harm == "":
		return Result{}, errors.New("what was changed did not reach the client, so nothing was tried")
	case !verified:
		return Harmed("%s; no client verifies more of this repository", harm)
	}
	if objection := s.Verify(ctx, base); objection != nil {
		return Stopped("refused: %v", objection)
	}
	return Harmed("%s, and no verifying client objects", harm)
}

// undisturbed holds that a verifying client takes the repository as it is, seen
// through somebody who changes nothing: else its refusal would show nothing. It
// reports whether there is such a client.
func (s *Scene) undisturbed(ctx context.Context) (bool, error) {
	base, stop, err := Between(ctx, s.Site, nil)
	if err != nil {
		return false, err
	}
	defer stop()
	err = s.Verify(ctx, base)
	if errors.Is(err, ErrNeeds) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("a verifying client objects although nothing was changed: %w", err)
	}
	return true, nil
}
