package e2e

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadsOverHTTP asks as caches, resuming downloads and old clients do.
func TestReadsOverHTTP(t *testing.T) {
	t.Parallel()
	r := stocked.copy(t)
	r.serve()
	document, tarball := r.node.url+"/npm/left-pad", r.node.url+"/npm/left-pad/-/left-pad-1.1.0.tgz"
	for range 2 { // from the store, and from memory
		res, plain := fetch(t, document)
		if res.StatusCode != 200 || res.Header.Get("Content-Encoding") != "" || !strings.Contains(res.Header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("a document: %s %v", res.Status, res.Header)
		}
		etag := res.Header.Get("Etag")
		if res, b := fetch(t, document, "If-None-Match: "+etag); res.StatusCode != 304 || len(b) > 0 {
			t.Errorf("a document that the client has: %s, %d bytes", res.Status, len(b))
		}
		if res, b := request(t, "HEAD", document, nil); res.StatusCode != 200 || res.ContentLength != int64(len(plain)) || len(b) > 0 {
			t.Errorf("HEAD: %s %v", res.Status, res.Header)
		}
		res, packed := fetch(t, document, "Accept-Encoding: gzip")
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil || res.Header.Get("Content-Encoding") != "gzip" || res.Header.Get("Etag") == etag {
			t.Fatalf("compressed: %v %v", err, res.Header)
		}
		if b, err := io.ReadAll(z); err != nil || !bytes.Equal(b, plain) {
			t.Errorf("compressed: %v, other bytes than plain", err)
		}

		res, whole := fetch(t, tarball, "Accept-Encoding: gzip")
		if res.StatusCode != 200 || res.Header.Get("Content-Encoding") != "" || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("a tarball: %s %v", res.Status, res.Header)
		}
		res, part := fetch(t, tarball, "Range: bytes=10-29")
		if res.StatusCode != 206 || !bytes.Equal(part, whole[10:30]) {
			t.Errorf("a part of it: %s, %d bytes", res.Status, len(part))
		}
		if res, _ := fetch(t, tarball, "Range: bytes=999999-"); res.StatusCode != 416 {
			t.Errorf("a part beyond its end: %s", res.Status)
		}
	}
	res, b := fetch(t, r.node.url+"/metrics")
	if res.StatusCode != 200 || !strings.Contains(string(b), "\nbonded_log_entries 39\n") {
		t.Errorf("/metrics: %s\n%s", res.Status, b)
	}
}

// TestEnrolment follows the link that bonded admin user add prints.
func TestEnrolment(t *testing.T) {
	t.Parallel()
	r := stocked.copy(t)
	r.serve()
	link := strings.TrimSpace(must(t, r.env, "admin", "user", "add", "carol", "--email", "carol@example.org", "--url", r.node.url))
	if u, err := url.Parse(link); err != nil || !strings.HasPrefix(u.Path, "/enrol/") {
		t.Fatalf("the link: %q, %v", link, err)
	}
	// Mail programs open links; only the button spends them.
	for range 2 {
		if res, b := fetch(t, link); res.StatusCode != 200 || strings.Contains(string(b), "bnd_") || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("the page: %s %v\n%s", res.Status, res.Header, b)
		}
	}
	secret := link[strings.LastIndex(link, "/")+1:]
	press := func() (*http.Response, []byte) {
		return request(t, "POST", r.node.url+"/enrol", strings.NewReader("link="+secret), "Content-Type: application/x-www-form-urlencoded")
	}
	res, b := press()
	if res.StatusCode != 303 || res.Header.Get("Location") != "/account/security" || strings.Contains(string(b), "bnd_") {
		t.Fatalf("the button: %s %v\n%s", res.Status, res.Header, b)
	}
	session, _, _ := strings.Cut(res.Header.Get("Set-Cookie"), ";")
	if res, b := press(); res.StatusCode != 401 && res.StatusCode != 403 {
		t.Errorf("the button a second time: %s\n%s", res.Status, b)
	}
	// Without a factor the account can add some and do nothing else.
	host := strings.Replace(r.node.url, "127.0.0.1", "localhost", 1)
	for path, want := range map[string]int{"/account/security": 200, "/account/tokens/new": 303} {
		if res, b := fetch(t, host+path, "Cookie: "+session); res.StatusCode != want {
			t.Errorf("GET %s while enrolling: %s\n%s", path, res.Status, b)
		}
	}
	_, value, _ := strings.Cut(session, "=")
	r.quiet(secret, value)
}

// quiet fails if the server's log repeats a secret.
func (r *repository) quiet(secrets ...string) {
	r.t.Helper()
	for _, s := range secrets {
		if strings.Contains(r.node.said.String(), s) {
			r.t.Errorf("the server's log repeats a secret:\n%s", r.node.said.String())
		}
	}
}

// TestNewerDataIsRefused opens what a later bonded has written.
func TestNewerDataIsRefused(t *testing.T) {
	t.Parallel()
	r := stocked.copy(t)
	r.change(`UPDATE schema_version SET version_id = 99 WHERE version_id = (SELECT max(version_id) FROM schema_version)`)
	for _, verb := range []string{"serve --listen 127.0.0.1:0", "fsck", "admin user list", "backup " + filepath.Join(t.TempDir(), "x.tar")} {
		out, code := bonded(t, r.env, strings.Fields(verb)...)
		if code != 3 || !strings.Contains(out, "run the newer bonded that wrote it, or restore a backup from before the upgrade") {
			t.Errorf("bonded %s: exit code %d\n%s", verb, code, out)
		}
	}
}
