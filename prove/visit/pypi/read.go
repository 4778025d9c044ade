package pypi

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/mail"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev/prove/visit"
)

// detail is a project's page in JSON (PEP 691). From where in it comes what:
//
//	Name               name
//	Status             project-status.status (PEP 792)
//	File.Name          files[].filename
//	File.URL           files[].url, relative to the page
//	File.Digests       files[].hashes
//	File.Size          files[].size (PEP 700)
//	File.Provenance    files[].provenance (PEP 740)
//	File.Metadata      files[].core-metadata, or its older names: URL.metadata (PEP 658)
//	Release.Version    in the file name
//	Release.Time       files[].upload-time (PEP 700), the earliest
//	Release.Yanked     files[].yanked (PEP 592), of every file
//	Manifest.Requires  files[].requires-python
//	the rest of it     the .metadata of the first file that has one
//
// In HTML the same stands in attributes of links (PEP 503), except size and
// time, which are not told.
type detail struct {
	Name   string         `json:"name"`
	Files  []fileJSON     `json:"files"`
	Status jsontext.Value `json:"project-status"`
}

type fileJSON struct {
	Name       string            `json:"filename"`
	URL        string            `json:"url"`
	Hashes     map[string]string `json:"hashes"`
	Size       int64             `json:"size"`
	Time       string            `json:"upload-time"`
	Yanked     jsontext.Value    `json:"yanked"` // true, or the reason
	Requires   string            `json:"requires-python"`
	Provenance string            `json:"provenance"`
	Core       jsontext.Value    `json:"core-metadata"` // true, or hashes
	DistInfo   jsontext.Value    `json:"dist-info-metadata"`
	DataCore   jsontext.Value    `json:"data-dist-info-metadata"`
}

// file is a file with what the page says of it that is the release's.
type file struct {
	visit.File
	time, requires string
	yanked         bool
}

func (f fileJSON) file(page string) file {
	told := func(v jsontext.Value) bool { return v.Kind() == 't' || v.Kind() == '"' || v.Kind() == '{' }
	out := file{time: f.Time, requires: f.Requires, yanked: told(f.Yanked)}
	out.Name, out.URL, out.Size = f.Name, visit.Resolve(page, f.URL), f.Size
	out.Provenance = resolveTold(page, f.Provenance)
	out.Digests = map[string]string{}
	for kind, sum := range f.Hashes {
		out.Digests[kind] = strings.ToLower(sum)
	}
	if told(f.Core) || told(f.DistInfo) || told(f.DataCore) {
		out.Metadata = out.URL + ".metadata"
	}
	return out
}

// listJSON reads the names in a list of projects, which may be cut anywhere; ok
// is whether it has the shape of one.
func listJSON(b []byte) (names []string, ok bool) {
	d := jsontext.NewDecoder(bytes.NewReader(b))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, false
	}
	meta, projects := false, false
	for d.PeekKind() == '"' {
		key, err := d.ReadToken()
		if err != nil {
			break
		}
		switch key.String() {
		case "meta":
			var m struct {
				Version string `json:"api-version"`
			}
			if json.UnmarshalDecode(d, &m) == nil {
				meta = m.Version != ""
			}
		case "projects":
			projects = d.PeekKind() == '['
			names = listProjects(d)
		default:
			if d.SkipValue() != nil {
				return names, meta && projects
			}
		}
	}
	return names, meta && projects
}

func listProjects(d *jsontext.Decoder) (names []string) {
	if t, err := d.ReadToken(); err != nil || t.Kind() != '[' {
		return nil
	}
	for d.PeekKind() == '{' {
		var p struct {
			Name string `json:"name"`
		}
		if json.UnmarshalDecode(d, &p) != nil {
			return names
		}
		names = append(names, p.Name)
	}
	_, _ = d.ReadToken() // where it is cut, the next reader notices
	return names
}

// mostMetadata is how many releases may have their own metadata read, one
// request each; a package of more is read by its page alone.
const mostMetadata = 4

// Package reads a project's page, in JSON or HTML. What an installer resolves
// by beyond that stands in one document for each file: it is read when there
// are few.
func (Dialect) Package(ctx context.Context, s *visit.Site, name string) (*visit.Package, error) {
	r, err := s.Web.Get(ctx, s.Root+normal(name)+"/", installing)
	switch {
	case err != nil:
		return nil, err
	case r.Status == 404, r.Status == 410:
		return nil, fmt.Errorf("reading %s: %d: %w", name, r.Status, visit.ErrNone)
	case !r.OK():
		return nil, fmt.Errorf("reading %s: %d %s", name, r.Status, r.Reason)
	}
	p := &visit.Package{Name: normal(name), Index: r}
	var files []file
	if isJSON(r) {
		var d detail
		if err := json.Unmarshal(r.Body, &d); err != nil {
			return nil, fmt.Errorf("reading %s: its page is not what installers read: %w", name, err)
		}
		p.Name, p.Status = cmp.Or(d.Name, p.Name), statusJSON(d.Status)
		for _, f := range d.Files {
			files = append(files, f.file(r.URL))
		}
	} else {
		page := parsePage(r)
		p.Status = page.metas["pypi:project-status"]
		for _, a := range page.anchors {
			files = append(files, a.file())
		}
	}
	p.Releases = releases(name, files)
	if len(p.Releases) > mostMetadata {
		return p, nil
	}
	for i := range p.Releases {
		if err := readMetadata(ctx, s, &p.Releases[i]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func statusJSON(v jsontext.Value) string {
	var status struct {
		Status string `json:"status"`
	}
	if v.Kind() != '{' || json.Unmarshal(v, &status) != nil || status.Status == "active" {
		return ""
	}
	return status.Status
}

// releases sorts files into releases, in the order in which the page has them.
func releases(name string, files []file) (out []visit.Release) {
	at := map[string]int{}
	for _, f := range files {
		v := versionOf(name, f.Name)
		i, ok := at[v]
		if !ok {
			i = len(out)
			at[v] = i
			out = append(out, visit.Release{Version: v, Yanked: true})
		}
		r := &out[i]
		r.Files = append(r.Files, f.File)
		r.Yanked = r.Yanked && f.yanked
		if f.time != "" && (r.Time == "" || f.time < r.Time) {
			r.Time = f.time
		}
		r.Manifest.Requires = cmp.Or(r.Manifest.Requires, f.requires)
	}
	return out
}

// versionOf finds the version in a file name; "" when there is none.
func versionOf(name, file string) string {
	for _, end := range []string{".whl", ".egg"} {
		if stem, ok := strings.CutSuffix(file, end); ok {
			if parts := strings.Split(stem, "-"); len(parts) > 1 {
				return parts[1]
			}
		}
	}
	for _, end := range []string{".tar.gz", ".zip", ".tgz", ".tar.bz2"} {
		stem, ok := strings.CutSuffix(file, end)
		for i := 0; ok && i < len(stem); i++ {
			if stem[i] == '-' && normal(stem[:i]) == normal(name) {
				return stem[i+1:]
			}
		}
	}
	return ""
}

// readMetadata reads the metadata of the first file for which the page has it
// (PEP 658). pip resolves by that document; a page that announces it and does
// not have it tells nothing.
func readMetadata(ctx context.Context, s *visit.Site, r *visit.Release) error {
	for _, f := range r.Files {
		if f.Metadata == "" {
			continue
		}
		res, err := s.Web.Get(ctx, f.Metadata, "")
		if err != nil {
			return err
		}
		m, err := mail.ReadMessage(io.MultiReader(bytes.NewReader(res.Body), strings.NewReader("\n\n")))
		if !res.OK() || err != nil {
			return nil
		}
		r.Manifest = visit.Manifest{
			Name: m.Header.Get("Name"), Version: m.Header.Get("Version"), Description: m.Header.Get("Summary"),
			Dependencies: dependencies(m.Header["Requires-Dist"]),
			Requires:     cmp.Or(m.Header.Get("Requires-Python"), r.Manifest.Requires),
		}
		return nil
	}
	return nil
}

// dependencies cuts requirements (PEP 508) into names and what follows them.
// Two lines about one name stand behind each other.
func dependencies(lines []string) map[string]string {
	out := map[string]string{}
	for _, line := range lines {
		line = strings.TrimSpace(line)
		end := strings.IndexFunc(line, func(c rune) bool {
			return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_.", c))
		})
		if end < 0 {
			end = len(line)
		}
		name, rest := normal(line[:end]), strings.TrimSpace(line[end:])
		if before, twice := out[name]; twice {
			rest = before + ", " + rest
		}
		out[name] = rest
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
