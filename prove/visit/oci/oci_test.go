package oci_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"bonded.dev/prove/visit"
	"bonded.dev/prove/visit/oci"
	"bonded.dev/prove/visit/visittest"
)

const refusal = `{"errors":[{"code":"DENIED","message":"requested access is denied"}]}`

// TestTokensComeFromWhereTheRegistrySays follows the challenge of a registry,
// and shows the credential nowhere but there.
func TestTokensComeFromWhereTheRegistrySays(t *testing.T) {
	wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			_, _ = io.WriteString(w, `{"token":"short-lived"}`)
		case r.Header.Get("Authorization") != "Bearer short-lived":
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="registry.example",scope="repository:a/b:pull,push"`, r.Host))
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = io.WriteString(w, `{"name":"a/b","tags":["1.0.0"]}`)
		}
	})
	site := wire.Site(t, oci.Dialect{}, "v2/")
	if _, err := site.Dialect.Delete(t.Context(), site, "owner:secret", "a/b", ""); err != nil {
		t.Fatal(err)
	}
	sent := wire.Sent()
	if len(sent) < 3 || !strings.HasPrefix(sent[1].Path, "/token?") {
		t.Fatalf("%d requests", len(sent))
	}
	for _, part := range []string{"service=registry.example", "scope=repository%3Aa%2Fb%3Apull%2Cpush"} {
		if !strings.Contains(sent[1].Path, part) {
			t.Errorf("asked for a token at %s, without %s", sent[1].Path, part)
		}
	}
	if want := "Basic " + base64.StdEncoding.EncodeToString([]byte("owner:secret")); sent[1].Header.Get("Authorization") != want {
		t.Errorf("asked for a token as %q", sent[1].Header.Get("Authorization"))
	}
	if got := sent[2].Header.Get("Authorization"); got != "Bearer short-lived" {
		t.Errorf("asked again as %q", got)
	}
}

// TestCredentialsStayOnTheirHost holds that a registry cannot send a visitor
// with the owner's credential to somebody else.
func TestCredentialsStayOnTheirHost(t *testing.T) {
	thief := visittest.Listen(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"token":"x"}`) })
	wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Location", thief.URL+"upload?state=1")
			w.WriteHeader(http.StatusAccepted)
			return
		}
		w.Header().Set("WWW-Authenticate", `bearer realm="`+thief.URL+`token"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	site := wire.Site(t, oci.Dialect{}, "v2/")
	if _, err := site.Publish(t.Context(), "owner:secret", visit.Upload{Name: "a/b", Version: "1.0.0"}); err != nil {
		t.Fatal(err)
	}
	got := thief.Sent()
	if len(got) == 0 {
		t.Fatal("nobody was sent there, so nothing was tried")
	}
	for _, r := range got {
		if a := r.Header.Get("Authorization"); strings.HasPrefix(a, "Basic") {
			t.Errorf("%s %s shows %q", r.Method, r.Path, a)
		}
	}
}

// shelf is a registry of finished answers, by method and path.
func shelf(t *testing.T, answers map[string]string) (*visittest.Wire, *visit.Site) {
	wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
		body, ok := answers[r.Method+" "+r.RequestURI]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			body = `{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known"}]}`
		}
		if link, rest, ok := strings.Cut(body, "\n"); ok {
			w.Header().Set("Link", link)
			body = rest
		}
		if strings.Contains(r.URL.Path, "/manifests/") && ok {
			w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("a", 63)+fmt.Sprint(len(body)%10))
		}
		_, _ = io.WriteString(w, body)
	})
	return wire, wire.Site(t, oci.Dialect{}, "v2/")
}

func TestPackageReadsTagsAndManifests(t *testing.T) {
	one := `{"schemaVersion":2,"annotations":{"org.opencontainers.image.title":"app"},"config":{"digest":"sha256:cc","size":2},"layers":[{"digest":"sha256:bb","size":5}]}`
	many := `{"schemaVersion":2,"manifests":[{"digest":"sha256:dd","size":7}]} `
	digest := fmt.Sprintf("sha256:%s%d", strings.Repeat("a", 63), len(one)%10)
	wire, site := shelf(t, map[string]string{
		"GET /v2/a/b/tags/list":            "</v2/a/b/tags/list?last=1.0.0>; rel=\"next\"\n" + `{"tags":["1","1.0.0"]}`,
		"GET /v2/a/b/tags/list?last=1.0.0": `{"tags":["latest","multi","sha256-` + strings.Repeat("0", 64) + `.sig"]}`,
		"GET /v2/a/b/manifests/1":          one,
		"GET /v2/a/b/manifests/1.0.0":      one,
		"GET /v2/a/b/manifests/latest":     one,
		"GET /v2/a/b/manifests/multi":      many,
		"GET /v2/a/b/referrers/" + digest:  `{"manifests":[{"digest":"sha256:ee"}]}`,
		"GET /v2/_catalog?n=1":             `{"repositories":["b","a"]}`,
		"GET /v2/empty/tags/list":          `{"tags":null}`,
	})
	p, err := site.Package(t.Context(), "a/b")
	if err != nil {
		t.Fatal(err)
	}
	var versions []string
	for _, r := range p.Releases {
		versions = append(versions, r.Version)
	}
	if !slices.Equal(versions, []string{"1", "1.0.0", "latest", "multi"}) {
		t.Errorf("releases %q", versions)
	}
	if p.Tags["latest"] != "1.0.0" || p.Tags["1"] != "1.0.0" || p.Tags["1.0.0"] != "" || p.Tags["multi"] != "" {
		t.Errorf("labels %v", p.Tags)
	}
	files := p.Release("latest").Files
	if len(files) != 3 || files[0].Digests["sha256"] != "bb" || files[0].Size != 5 || files[2].URL != site.Root+"a/b/manifests/"+digest {
		t.Fatalf("%+v", files)
	}
	if !strings.HasSuffix(files[2].Provenance, "/referrers/"+digest) || p.Release("latest").Manifest.Name != "app" {
		t.Errorf("%+v, %+v", files[2], p.Release("latest").Manifest)
	}
	if f := p.Release("multi").Files; len(f) != 2 || !strings.HasSuffix(f[0].URL, "/manifests/sha256:dd") || f[1].Provenance != "" {
		t.Errorf("%+v", f)
	}
	for _, r := range wire.Sent() {
		if strings.Contains(r.Path, "/manifests/") && !strings.Contains(r.Header.Get("Accept"), "oci.image.manifest.v1+json") {
			t.Errorf("%s takes %q", r.Path, r.Header.Get("Accept"))
		}
	}
	for _, name := range []string{"empty", "none"} {
		if _, err := site.Package(t.Context(), name); !errors.Is(err, visit.ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if names, err := site.Dialect.Names(t.Context(), site, 1); err != nil || !slices.Equal(names, []string{"a"}) {
		t.Errorf("%q, %v", names, err)
	}
}

// TestPublishSendsWhatWasTold looks at an upload as a registry gets it.
func TestPublishSendsWhatWasTold(t *testing.T) {
	wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Location", "/v2/a/b/blobs/uploads/1?_state=x")
		}
		w.WriteHeader(http.StatusCreated)
	})
	site := wire.Site(t, oci.Dialect{}, "v2/")
	up := visit.Upload{
		Name: "a/b", Version: "1.0.0", Tag: "stable", Canary: "c", File: "app.tgz",
		Inside: visit.Manifest{Name: "other", Script: "echo x"}, Claimed: &visit.Manifest{Description: "claimed"}, Lie: true,
	}
	if a, err := site.Publish(t.Context(), "owner:secret", up); err != nil || !a.Taken() {
		t.Fatalf("%s, %v", a, err)
	}
	sent := wire.Sent()
	var paths []string
	for _, r := range sent {
		path, _, _ := strings.Cut(r.Path, "digest=")
		paths = append(paths, r.Method+" "+path)
	}
	upload := []string{"POST /v2/a/b/blobs/uploads/", "PUT /v2/a/b/blobs/uploads/1?_state=x&"}
	if want := slices.Concat(upload, upload, []string{"PUT /v2/a/b/manifests/1.0.0", "PUT /v2/a/b/manifests/stable"}); !slices.Equal(paths, want) {
		t.Fatalf("%q", paths)
	}
	var m struct {
		Annotations map[string]string
		Layers      []struct {
			Digest      string
			Annotations map[string]string
		}
	}
	if err := json.Unmarshal(sent[4].Body, &m); err != nil {
		t.Fatal(err)
	}
	if m.Annotations["org.opencontainers.image.title"] != "a/b" || m.Annotations["org.opencontainers.image.description"] != "claimed" || m.Layers[0].Annotations["org.opencontainers.image.title"] != "app.tgz" {
		t.Errorf("%s", sent[4].Body)
	}
	if _, stated, _ := strings.Cut(sent[1].Path, "digest=sha256%3A"); !strings.HasSuffix(m.Layers[0].Digest, stated) {
		t.Errorf("the manifest names %s, the upload stated %s", m.Layers[0].Digest, stated)
	}
	if config := string(sent[3].Body); !strings.Contains(config, `"org.opencontainers.image.title":"other"`) || !strings.Contains(config, "echo x") {
		t.Errorf("%s", config)
	}
	if string(sent[4].Body) != string(sent[5].Body) {
		t.Error("the second tag names another manifest")
	}
}

func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   visit.Answer
		spoken bool
	}{
		"a refusal":        {403, refusal, visit.Answer{Status: 403, Text: "DENIED: requested access is denied"}, true},
		"words":            {400, "no", visit.Answer{Status: 400, Text: "no"}, true},
		"not supported":    {405, `{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}`, visit.Answer{}, false},
		"nor by its words": {400, `{"errors":[{"code":"UNSUPPORTED"}]}`, visit.Answer{}, false},
	} {
		wire := visittest.Listen(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		})
		site := wire.Site(t, oci.Dialect{}, "v2/")
		a, err := site.Publish(t.Context(), "", visit.Upload{Name: "a", Version: "1"})
		if a != test.want || errors.Is(err, visit.ErrNotSpoken) == test.spoken {
			t.Errorf("%s: %s, %v; want %s", name, a, err, test.want)
		}
	}
}

// TestFindTellsARegistryFromALockedServer looks at servers that ask who is there.
func TestFindTellsARegistryFromALockedServer(t *testing.T) {
	for name, test := range map[string]struct {
		locked string // the prefix below which it asks
		found  bool
	}{"a registry": {"/v2/", true}, "a whole server": {"/", false}} {
		wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			if strings.HasPrefix(r.URL.Path, test.locked) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.WriteHeader(http.StatusNotFound)
		})
		site := wire.Site(t, oci.Dialect{}, "")
		root, err := site.Dialect.Find(t.Context(), site.Web, wire.URL)
		if err != nil || (root != "") != test.found {
			t.Errorf("%s: found at %q, %v", name, root, err)
		}
	}
}
