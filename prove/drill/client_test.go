package drill_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// plain is a dialect with one package of one file: /index says its sha256.
type plain struct{ visit.Dialect }

func (plain) ID() string { return "plain" }

func (plain) Find(_ context.Context, _ *visit.Web, base string) (string, error) { return base, nil }

func (plain) Package(ctx context.Context, s *visit.Site, _ string) (*visit.Package, error) {
	r, err := s.Web.Get(ctx, s.Root+"index", "")
	if err != nil {
		return nil, err
	}
	if !r.OK() {
		return nil, visit.ErrNone
	}
	version, sum, _ := strings.Cut(strings.TrimSpace(string(r.Body)), " ")
	f := visit.File{Name: "file", URL: s.Root + "file", Digests: map[string]string{"sha256": sum}}
	return &visit.Package{Releases: []visit.Release{{Version: version, Files: []visit.File{f}}}, Index: r}, nil
}

// house is what the toy repository holds; its version changes.
type house struct {
	drill.Victim
	body    string
	version atomic.Value
	verify  func(url string) error
}

func (h *house) Verify(_ context.Context, url string) error { return h.verify(url) }

func (h *house) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/index":
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(w, "%s %s\n", h.version.Load(), sum256(h.body))
	case "/file":
		w.Header().Set("Content-Type", "application/octet-stream")
		fmt.Fprint(w, h.body)
	default:
		http.NotFound(w, r)
	}
}

func sum256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// scene opens the house; nobody can verify it unless the test says who.
func scene(t *testing.T) (*drill.Scene, *house) {
	t.Helper()
	h := &house{body: "genuine", verify: func(string) error { return drill.Needs("a client that verifies") }}
	h.version.Store("1.0")
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	web := visit.NewWeb("drill test", 0)
	t.Cleanup(web.Close)
	site := &visit.Site{Dialect: plain{}, Root: s.URL + "/", Base: s.URL + "/", Web: web}
	return drill.NewScene(h, site, "t"), h
}

func file(t *testing.T, s *drill.Scene) drill.Got {
	t.Helper()
	got, err := s.Install(t.Context(), "any", "1.0")
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	return got[0]
}

// gets is fooled when an installer has other bytes than the genuine ones.
func gets(ctx context.Context, seen *visit.Site) (string, error) {
	got, err := drill.Install(ctx, seen, "any", "1.0")
	if err != nil || len(got) == 0 || string(got[0].Body) == "genuine" {
		return "", err
	}
	return "gets " + string(got[0].Body), nil
}

func TestInstallHoldsDigests(t *testing.T) {
	s, _ := scene(t)
	if g := file(t, s); string(g.Body) != "genuine" || g.Name != "file" {
		t.Errorf("%+v", g)
	}
	if got, err := s.Install(t.Context(), "any", "2.0"); err != nil || got != nil {
		t.Errorf("a version that is not there: %v, %v", got, err)
	}
	r, err := s.Deceive(t.Context(), drill.Swap(file(t, s).File, []byte("evil")), gets)
	if err != nil || r.Harm != "" || !strings.Contains(r.Stopped, "an ordinary client refuses") {
		t.Errorf("other bytes under the index's digest: %+v, %v", r, err)
	}
}

func TestDeceive(t *testing.T) {
	s, h := scene(t)
	f := file(t, s)
	forged := drill.Forge(f.File, f.Body, []byte("evil"))
	for _, try := range []struct {
		about   string
		verify  func(url string) error
		change  drill.Change
		harm    string
		stopped string
		err     string
	}{
		{"nobody verifies", h.verify, forged, "gets evil; no client verifies more", "", ""},
		{"a client that takes everything", func(string) error { return nil }, forged, "gets evil, and no verifying client objects", "", ""},
		{"a client that sees it", func(url string) error {
			r, err := s.Site.Web.Get(t.Context(), url+"file", "")
			if err != nil || string(r.Body) != "genuine" {
				return errors.New("other bytes")
			}
			return nil
		}, forged, "", "refused: other bytes", ""},
		{"a client that always objects", func(string) error { return errors.New("no") }, forged, "", "", "although nothing was changed"},
		{"a change that reaches nobody", func(string) error { return nil }, nil, "", "", "nothing was tried"},
	} {
		h.verify = try.verify
		r, err := s.Deceive(t.Context(), try.change, gets)
		switch {
		case try.err != "":
			if err == nil || !strings.Contains(err.Error(), try.err) {
				t.Errorf("%s: %+v, %v", try.about, r, err)
			}
		case err != nil || !strings.HasPrefix(r.Harm, try.harm) || (r.Harm == "") != (try.harm == "") || r.Stopped != try.stopped:
			t.Errorf("%s: %+v, %v", try.about, r, err)
		}
	}
}

func TestARecordingIsPlayed(t *testing.T) {
	s, h := scene(t)
	then, err := drill.Record(t.Context(), s.Site, func(ctx context.Context, site *visit.Site) error {
		_, err := site.Package(ctx, "any")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	h.version.Store("2.0")
	r, err := s.Deceive(t.Context(), then.Play, func(ctx context.Context, seen *visit.Site) (string, error) {
		p, err := seen.Package(ctx, "any")
		if err != nil || p.Release("2.0") != nil {
			return "", err
		}
		return "never hears of " + fmt.Sprint(h.version.Load()), nil
	})
	if err != nil || !strings.HasPrefix(r.Harm, "never hears of 2.0") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestUnpackSeesWhatIsOdd(t *testing.T) {
	members := []visit.Member{
		{Name: "a/twice", Body: []byte("one")}, {Name: "a/twice", Body: []byte("two")},
		{Name: "../out", Body: []byte("x")}, {Name: "a/link", Kind: visit.Symlink, Link: "../.."},
		{Name: "a/zeros", Zeros: 3 << 20},
	}
	for name, pack := range map[string]func(...visit.Member) ([]byte, error){"tar.gz": visit.TarGz, "zip": visit.Zip} {
		b, err := pack(members...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := drill.Unpack(b)
		if err != nil || len(got) != len(members) {
			t.Errorf("%s: %d members, %v", name, len(got), err)
			continue
		}
		for i, m := range members[:4] {
			if got[i].Name != m.Name || got[i].Kind != m.Kind || got[i].Link != m.Link || !bytes.Equal(got[i].Body, m.Body) && len(m.Body) > 0 {
				t.Errorf("%s: %+v, want %+v", name, got[i], m)
			}
		}
		if n := len(got[4].Body); n != 1<<20 {
			t.Errorf("%s: %d bytes of a long member are kept", name, n)
		}
	}
	if _, err := drill.Unpack([]byte("no archive")); err == nil {
		t.Error("what is no archive was unpacked")
	}
}
