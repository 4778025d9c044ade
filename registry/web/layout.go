package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"bonded.dev"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// layout holds the parsed pages and the files they load.
type layout struct {
	pages  map[string]*template.Template
	assets map[string][]byte // by name
	tags   map[string]string // name -> short digest
}

// newLayout parses pages/*.html. Each defines "content" (and, when it wants,
// "head") and is put into pages/layout.html; what several pages show alike
// stands in pages/parts.html.
func newLayout() *layout {
	l := &layout{pages: map[string]*template.Template{}, assets: map[string][]byte{}, tags: map[string]string{}}
	must := func(err error) {
		if err != nil {
			panic(err) // the files are part of this program
		}
	}
	files, err := fs.ReadDir(assetFiles, "assets")
	must(err)
	for _, f := range files {
		b, err := fs.ReadFile(assetFiles, "assets/"+f.Name())
		must(err)
		sum := sha256.Sum256(b)
		l.assets[f.Name()], l.tags[f.Name()] = b, hex.EncodeToString(sum[:6])
	}
	base, err := template.New("layout.html").Funcs(l.funcs()).ParseFS(pageFiles, "pages/layout.html", "pages/parts.html")
	must(err)
	pages, err := fs.Glob(pageFiles, "pages/*.html")
	must(err)
	for _, p := range pages {
		name := strings.TrimSuffix(path.Base(p), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		t, err := template.Must(base.Clone()).ParseFS(pageFiles, p)
		must(err)
		l.pages[name] = t
	}
	return l
}

func (l *layout) funcs() template.FuncMap {
	return template.FuncMap{
		"asset": func(name string) string { return "/assets/" + name + "?" + l.tags[name] },
		"day": func(t time.Time) string {
			if t.IsZero() {
				return "never"
			}
			return t.UTC().Format("2 January 2006")
		},
		"moment": moment,
		"base64": base64.RawURLEncoding.EncodeToString,
		"join":   strings.Join,
		"path":   pathOf,
		"place":  placeOf,
		"hex":    bonded.Digest.Hex,
		"size":   sizeOf,
		// view makes a map of names and values, for parts that take several.
		"view": func(pairs ...any) (View, error) {
			v := View{}
			for i := 0; i+1 < len(pairs); i += 2 {
				name, ok := pairs[i].(string)
				if !ok {
					return nil, fmt.Errorf("view: %v is no name", pairs[i])
				}
				v[name] = pairs[i+1]
			}
			return v, nil
		},
	}
}

// seedOf is the seed in an otpauth:// address in groups of four, for people who
// cannot scan a picture.
func seedOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	var groups []string
	for g := range slices.Chunk([]byte(u.Query().Get("secret")), 4) {
		groups = append(groups, string(g))
	}
	return strings.Join(groups, " ")
}

// moment is a time for people.
func moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2 January 2006, 15:04 UTC")
}

// sizeOf is a number of bytes for people.
func sizeOf(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// asset serves a file that pages load; its address changes with its bytes.
func (l *layout) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	b, ok := l.assets[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("ETag", `"`+l.tags[name]+`"`)
	if r.URL.RawQuery == l.tags[name] {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
}

// View is what a page shows, by name.
type View = map[string]any

// frame is what layout.html sees.
type frame struct {
	User      string
	Enrolling bool
	Says      string
	Nav, Side []link
	Page      any
}

// link is one place that the navigation leads to.
type link struct {
	Path, Text string
	Also       string // other paths that belong to it, separated by blanks
	Current    bool
}

// Where the navigation leads. A page that is not there yet has no link.
var (
	nav = []link{
		{Path: "/packages", Text: "Packages"},
		{Path: "/orgs", Text: "Organisations"},
		{Path: "/review", Text: "Review"},
		{Path: "/invitations", Text: "Invitations"},
	}
	side = []link{
		{Path: "/account", Text: "Overview"},
		{Path: "/account/security", Text: "Signing in", Also: "/account/passkeys /account/totp /account/codes /account/password /account/email"},
		{Path: "/account/sessions", Text: "Sessions"},
		{Path: "/account/tokens", Text: "Access tokens"},
		{Path: "/account/publishers", Text: "Trusted publishers"},
		{Path: "/account/journal", Text: "Journal"},
		{Path: "/account/data", Text: "Your data"},
	}
	admin = link{Path: "/admin", Text: "Administration"}
)

// links leaves out what is not there and marks where the reader is.
func (p *Pages) links(all []link, here string) (list []link) {
	best, long := -1, 0
	for _, l := range all {
		if !p.has(l.Path) {
			continue
		}
		list = append(list, l)
		for _, path := range append(strings.Fields(l.Also), l.Path) {
			if within := here == path || strings.HasPrefix(here, path+"/"); within && len(path) > long {
				best, long = len(list)-1, len(path)
			}
		}
	}
	if best >= 0 {
		list[best].Current = true
	}
	return list
}

// has says if there is a page at a path.
func (p *Pages) has(path string) bool {
	return slices.ContainsFunc(p.routes, func(r Route) bool { return r.Method == http.MethodGet && r.Path == path })
}

// frame puts what every page shows around a page.
func (a *Ask) frame(data any) frame {
	f := frame{Says: a.says(), Page: data}
	if a.Session == nil {
		return f
	}
	f.User, f.Enrolling = a.Session.User, a.Session.Enrolling
	if f.Enrolling {
		return f
	}
	here := a.r.URL.Path
	f.Nav = a.pages.links(nav, here)
	if a.pages.has(admin.Path) && a.operator() {
		f.Nav = append(f.Nav, a.pages.links([]link{admin}, here)...)
	}
	if here == "/account" || strings.HasPrefix(here, "/account/") {
		f.Side = a.pages.links(side, here)
	}
	return f
}

// Show answers with a page: pages/<name>.html over data.
func (a *Ask) Show(name string, data any) error {
	a.render(http.StatusOK, name, data)
	return nil
}

// render buffers, so that a page that fails is not sent by half.
func (a *Ask) render(code int, name string, data any) {
	t := a.pages.layout.pages[name]
	if t == nil {
		a.pages.Log.Error("there is no such page", "name", name)
		http.Error(a.w, "the repository met an error of its own", http.StatusInternalServerError)
		return
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, "layout.html", a.frame(data)); err != nil {
		a.pages.Log.Error("a page could not be made", "name", name, "err", err)
		http.Error(a.w, "the repository met an error of its own", http.StatusInternalServerError)
		return
	}
	a.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	a.w.WriteHeader(code)
	if _, err := out.WriteTo(a.w); err != nil {
		a.pages.Log.Warn("a page was not sent whole", "err", err)
	}
}
