package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// holding lists the files below a folder that hold one of some texts, those that
// are compressed too.
func holding(t *testing.T, dir string, texts ...string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if z, err := gzip.NewReader(bytes.NewReader(b)); err == nil {
			if plain, err := io.ReadAll(z); err == nil {
				b = plain
			}
		}
		for _, text := range texts {
			if bytes.Contains(b, []byte(text)) {
				found = append(found, strings.TrimPrefix(p, dir)+" holds "+text)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// guest is whom nobody shall be able to find afterwards.
const guest = "127.0.0.77"

// from is a client at an address of its own.
func from(address string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{
		Timeout:       time.Minute,
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// roam does what leaves traces elsewhere: it publishes, reads, fails to sign in,
// shows bad tokens, breaks off.
func roam(t *testing.T, r *repository, address, version string) {
	t.Helper()
	client := from(address)
	send := func(method, path, kind, token, body string) int {
		q, err := http.NewRequestWithContext(t.Context(), method, r.node.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", kind)
		q.Header.Set("Sec-Fetch-Site", "same-origin")
		if token != "" {
			q.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
	up := npmPackage("roaming", version).sending()
	if code := send(up.method, up.path, "application/json", r.tokens["alice"], string(up.body)); code > 299 {
		t.Errorf("publishing from %s: %d", address, code)
	}
	const form = "application/x-www-form-urlencoded"
	for range 3 {
		send("POST", "/signin/password", form, "", url.Values{"user": {"alice"}, "password": {"not the password"}}.Encode())
		send("GET", "/npm/left-pad", "", "", "")
		send("GET", "/npm/-/whoami", "", "bnd_wrong", "")
		send("POST", "/api/v1/leaks", "application/json", "", `[{"token":"bnd_wrong"}]`)
		send("POST", "/api/v1/oidc/exchange", "application/json", "", `{"token":"e30.e30.e30"}`)
		send("POST", "/recover", form, "", url.Values{"user": {"alice"}}.Encode())
	}
	// And one that ends in the middle, which the log tells of.
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext(t.Context(), "tcp", strings.TrimPrefix(r.node.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "PUT /npm/broken HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{", r.tokens["alice"])
	if err := c.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestClientsLeaveNoAddress looks for a guest's address in everything that is
// kept and everything that is said.
func TestClientsLeaveNoAddress(t *testing.T) {
	t.Parallel()
	r := stocked.copy(t)
	r.token("alice", "publish,tag:*")
	r.serve("--log-reads")
	roam(t, r, guest, "1.0.0")
	if err := r.node.stop(); err != nil {
		t.Fatal(err)
	}
	for _, f := range holding(t, r.data, guest) {
		t.Error(f)
	}
	said := r.node.said.String()
	if strings.Contains(said, guest) || !strings.Contains(said, "roaming") {
		t.Errorf("the log:\n%s", said)
	}
	// Whoever wants addresses in the log has to say so; it also shows that this
	// test would see one.
	r.serve("--log-reads", "--log-clients")
	roam(t, r, guest, "1.0.1")
	if err := r.node.stop(); err != nil {
		t.Fatal(err)
	}
	if said := r.node.said.String(); !strings.Contains(said, "remote="+guest) {
		t.Errorf("with --log-clients the log says:\n%s", said)
	}
}

// TestEraseOnTheHost erases an account with the command, and has the whole log
// recomputed afterwards.
func TestEraseOnTheHost(t *testing.T) {
	t.Parallel()
	const name, address = "zebrafish", "zebra.mail@stripes.example"
	r := stocked.copy(t)
	must(t, r.env, "admin", "user", "add", name, "--email", address)
	r.token(name, "publish,tag,yank:*")
	r.serve()
	up := npmPackage("stripes", "1.0.0").sending()
	up.token = name
	r.take(up)
	if out, code := bonded(t, r.env, "admin", "user", "erase", name); code != 1 || !strings.Contains(out, "npm/stripes") {
		t.Errorf("the last owner: exit %d, %s", code, out)
	}
	var person struct {
		Kept map[string][]map[string]any `json:"kept"`
	}
	if err := json.Unmarshal([]byte(must(t, r.env, "admin", "user", "export", name)), &person); err != nil || len(person.Kept["owner"]) != 1 || len(person.Kept["token"]) != 1 {
		t.Errorf("exported: %v, %v", person, err)
	}
	if len(holding(t, r.data, name)) == 0 {
		t.Fatal("the name is nowhere; this test looks in the wrong place")
	}
	must(t, r.env, "admin", "user", "erase", name, "--orphan")
	// A server looks for what is due when it starts.
	if err := r.node.stop(); err != nil {
		t.Fatal(err)
	}
	r.serve()
	for begun := time.Now(); strings.Contains(must(t, r.env, "admin", "user", "list"), name); {
		if time.Since(begun) > startTime {
			t.Fatal("it is not erased")
		}
		time.Sleep(50 * time.Millisecond)
	}
	must(t, r.env, "log", "verify", r.node.url+"/")
	if _, body := fetch(t, r.node.url+"/npm/stripes"); strings.Contains(string(body), name) || !strings.Contains(string(body), "1.0.0") {
		t.Errorf("the package's document: %s", body)
	}
	if out, code := bonded(t, r.env, "admin", "user", "add", name, "--email", "other@example.org"); code != 1 {
		t.Errorf("the name was given out again: exit %d, %s", code, out)
	}
	if err := r.node.stop(); err != nil {
		t.Fatal(err)
	}
	must(t, r.env, "fsck")
	for _, f := range holding(t, r.data, name, address) {
		t.Error(f)
	}
	lines := must(t, r.env, "admin", "journal", "--format", "ndjson", "--package", "npm/stripes")
	if !strings.Contains(lines, `"actor":"erased-`) || !strings.Contains(lines, `"action":"owner.remove"`) {
		t.Errorf("the journal of the package:\n%s", lines)
	}
}
