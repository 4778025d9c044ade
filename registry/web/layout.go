package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
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
		"moment": func(t time.Time) string {
			if t.IsZero() {
				return "never"
			}
			return t.UTC().Format("2 January 2006, 15:04 UTC")
		},
		"join": strings.Join,
	}
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

// frame is what layout.html sees.
type frame struct {
	User      string
	Enrolling bool
	Says      string
	Path      string
	Page      any
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
	f := frame{Says: a.says(), Path: a.r.URL.Path, Page: data}
	if a.Session != nil {
		f.User, f.Enrolling = a.Session.User, a.Session.Enrolling
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, "layout.html", f); err != nil {
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
