package e2e

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bonded.dev/registry/web"
	"bonded.dev/registry/web/webtest"
)

// inhabited is a repository to which people come, under a host name for which
// browsers keep passkeys without TLS.
func inhabited(t *testing.T) *repository {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	fails(t, l.Close())
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	r := &repository{t: t, data: filepath.Join(t.TempDir(), "data"), tokens: map[string]string{}}
	r.env = bare("BONDED_DATA=" + r.data)
	r.node = serving(t, r.env, "--listen", addr, "--url", "http://localhost:"+port+"/")
	r.node.url = "http://localhost:" + port
	return r
}

// enrols makes an account and takes it into use with a passkey; meanwhile runs
// while nobody has taken it yet.
func (r *repository) enrols(h webtest.Hand, user string, meanwhile ...func()) {
	r.t.Helper()
	link := strings.TrimSpace(must(r.t, r.env, "admin", "user", "add", user, "--email", user+"@example.org"))
	for _, do := range meanwhile {
		do()
	}
	path, ok := strings.CutPrefix(link, r.node.url)
	if !ok {
		r.t.Fatalf("the enrolment link is %s, and the repository is at %s", link, r.node.url)
	}
	h.Opens(path)
	h.Presses("/enrol")
	h.Opens("/account/passkeys")
	h.Presses("/account/passkeys", "label", "Laptop")
	h.Presses("/account/finish")
	webtest.IsAt(r.t, h, "/account")
}

// browsers are the hands that a story is told with: a client without scripts, and
// a real browser.
var browsers = map[string]func(testing.TB, string) webtest.Hand{
	"plain":    func(t testing.TB, base string) webtest.Hand { return webtest.NewPlain(t, base) },
	"chromium": func(t testing.TB, base string) webtest.Hand { return webtest.NewChromium(t, base) },
}

// TestAPersonPublishes goes from the command that makes an account to a package
// that others can fetch, with nothing but the pages in between.
func TestAPersonPublishes(t *testing.T) {
	for name, browser := range browsers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := inhabited(t)
			h := browser(t, r.node.url)
			r.enrols(h, "alice")
			h.Opens("/")
			if !strings.Contains(h.HTML(), `href="/signin"`) {
				t.Error("the front page does not lead to signing in")
			}
			h.Opens("/account/tokens/new")
			h.Presses("/account/tokens/new", "label", "release", "pattern", "left-pad")
			webtest.Sees(t, h, "Your new token", "npm config set registry "+r.node.url+"/npm/")
			token := regexp.MustCompile(`bnd_[0-9A-Za-z]{36}`).FindString(h.Text())
			r.tokens["alice"] = token
			r.take(npmPackage("left-pad", "1.0.0").sending())
			if got := npmPackage("right-pad", "1.0.0").sending().over(t, host(r), r.tokens); got.status != 403 {
				t.Errorf("the token publishes what it was not made for: %d %s", got.status, got.body)
			}
			if res, body := fetch(t, r.node.url+"/npm/left-pad"); res.StatusCode != 200 {
				t.Errorf("%s %s", res.Status, body)
			}
			h.Opens("/account/tokens")
			h.Presses("/revoke")
			webtest.Sees(t, h, "The token was revoked")
			if got := npmPackage("left-pad", "1.0.1").sending().over(t, host(r), r.tokens); got.status != 401 {
				t.Errorf("a revoked token publishes: %d %s", got.status, got.body)
			}
			h.Opens("/account")
			h.Presses("/signout")
			h.Opens("/account")
			webtest.IsAt(t, h, "/signin")
			h.Presses("/signin/passkey")
			webtest.IsAt(t, h, "/account")
			if c, ok := h.(*webtest.Chromium); ok {
				c.Content()
			}
		})
	}
}

func host(r *repository) string {
	return strings.Replace(strings.TrimPrefix(r.node.url, "http://"), "localhost", "127.0.0.1", 1)
}

// TestPagesOnlyShow opens every page there is, as an administrator whose proof
// is fresh, as somebody without rights and as nobody: none breaks, each is well
// made, and not one row of the database is another one afterwards.
func TestPagesOnlyShow(t *testing.T) {
	t.Parallel()
	r := inhabited(t)
	olga, bob := webtest.NewPlain(t, r.node.url), webtest.NewPlain(t, r.node.url)
	r.enrols(olga, "olga", func() {
		r.token("olga", "publish:*")
		r.take(npmPackageBy("olga", "left-pad"))
	})
	r.enrols(bob, "bob")
	must(t, r.env, "admin", "user", "role", "olga", "administrator")
	link := strings.TrimSpace(must(t, r.env, "admin", "user", "add", "carol", "--email", "carol@example.org"))
	fill := r.wildcards(link)
	before := r.rows()
	for _, route := range web.New(web.Config{}).Routes() {
		if route.Method != "GET" {
			continue
		}
		path := fill.Replace(route.Path)
		for who, p := range map[string]*webtest.Plain{"olga": olga, "bob": bob, "nobody": webtest.NewPlain(t, r.node.url)} {
			p.Opens(path)
			if p.Page.Status >= 500 {
				t.Errorf("GET %s as %s: %s", path, who, p.Page.Text())
				continue
			}
			if strings.HasPrefix(p.Page.Body, "<!doctype") {
				for _, wrong := range webtest.Faults(p.Page.Body) {
					t.Errorf("GET %s as %s: %s", path, who, wrong)
				}
			}
		}
	}
	for table, after := range r.rows() {
		if after != before[table] {
			t.Errorf("opening pages changed the table %s:\n%s\n%s", table, before[table], after)
		}
	}
}

// TestTokensOpenNoPages: a token acts for a program, and pages are for people.
// Each page and button answers its owner's token as it answers nobody.
func TestTokensOpenNoPages(t *testing.T) {
	t.Parallel()
	r := inhabited(t)
	must(t, r.env, "admin", "user", "add", "alice", "--email", "alice@example.org")
	must(t, r.env, "admin", "user", "role", "alice", "administrator")
	r.token("alice", everything)
	r.take(npmPackageBy("alice", "left-pad"))
	fill := strings.NewReplacer("{eco}", "npm", "{name}", "left-pad", "{version}", "1.0.0", "{", "", "}", "")
	for _, route := range web.New(web.Config{}).Routes() {
		path := r.node.url + fill.Replace(route.Path)
		without, nothing := request(t, route.Method, path, nil)
		with, body := request(t, route.Method, path, nil, "Authorization: Bearer "+r.tokens["alice"])
		if with.StatusCode != without.StatusCode || !route.JSON && string(body) != string(nothing) {
			t.Errorf("%s %s: %d without a token, %d with one", route.Method, route.Path, without.StatusCode, with.StatusCode)
		}
	}
}

// wildcards are what stands in the paths of routes: things that are there,
// secrets that are good.
func (r *repository) wildcards(link string) *strings.Replacer {
	_, secret, _ := strings.Cut(link, "/enrol/")
	db := r.reading()
	defer db.Close()
	var key []byte
	if err := db.QueryRow(`SELECT id FROM passkey WHERE user_name = 'olga'`).Scan(&key); err != nil {
		r.t.Fatal(err)
	}
	return strings.NewReplacer("{link}", secret, "passkeys/{id}", "passkeys/"+base64.RawURLEncoding.EncodeToString(key), "{id}", "none", "{code}", "none",
		"{version}", "1.0.0", "{scope}", "@acme", "{eco}", "npm", "{name...}", "left-pad", "{name}", "left-pad", "{org}", "acme", "{user}", "olga", "{team}", "release", "{rest...}", "left-pad")
}

func npmPackageBy(user, name string) sending {
	s := npmPackage(name, "1.0.0").sending()
	s.token = user
	return s
}

func (r *repository) reading() *sql.DB {
	r.t.Helper()
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(filepath.Join(r.data, "bonded.db"))+"?mode=ro")
	if err != nil {
		r.t.Fatal(err)
	}
	return db
}

// rows are all rows of all tables, as text. When a session was last seen is no
// change that a page makes.
func (r *repository) rows() map[string]string {
	r.t.Helper()
	db := r.reading()
	defer db.Close()
	ctx := context.Background()
	all := map[string]string{}
	for _, table := range texts(r.t, db, ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`) {
		columns := texts(r.t, db, ctx, fmt.Sprintf(`SELECT name FROM pragma_table_info('%s')`, table))
		switch table {
		case "session":
			columns = slices.DeleteFunc(columns, func(c string) bool { return c == "seen" || c == "taken" })
		case "lease", "session_past":
			continue
		}
		for i, c := range columns {
			columns[i] = "quote(" + c + ")"
		}
		lines := texts(r.t, db, ctx, fmt.Sprintf(`SELECT %s FROM %s`, strings.Join(columns, " || ' ' || "), table))
		slices.Sort(lines)
		all[table] = strings.Join(lines, "\n")
	}
	if len(all["user_account"]) == 0 {
		r.t.Fatal("the database has no accounts; is it read?")
	}
	return all
}

func texts(t testing.TB, db *sql.DB, ctx context.Context, query string) (list []string) {
	t.Helper()
	found, err := db.QueryContext(ctx, query)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var text string
		if err := found.Scan(&text); err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	fails(t, found.Err())
	return list
}

// TestPagesFromElsewhere presses buttons of the real server as another site
// would, and asks it under another name.
func TestPagesFromElsewhere(t *testing.T) {
	t.Parallel()
	r := inhabited(t)
	for _, header := range []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"} {
		res, body := request(t, "POST", r.node.url+"/signin/password", strings.NewReader("user=a&password=b"), "Content-Type: application/x-www-form-urlencoded", header)
		if res.StatusCode != 403 || !strings.Contains(string(body), "another web site") {
			t.Errorf("%s: %s %s", header, res.Status, body)
		}
	}
	p := webtest.NewPlain(t, r.node.url)
	r.enrols(p, "alice")
	p.Presses("/signout")
	res, _ := fetch(t, "http://"+host(r)+"/signin?next=%2F")
	if to := res.Header.Get("Location"); res.StatusCode != 307 || to != r.node.url+"/signin?next=%2F" {
		t.Errorf("a page at a loopback address: %s, %q", res.Status, to)
	}
	p.Browser.Origin = "http://" + host(r)
	p.Presses("/signin/passkey")
	if p.Page.Status < 400 {
		t.Errorf("a passkey that was shown to another origin opens the account: %s", p.Page.Text())
	}
}
