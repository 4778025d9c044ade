package pypi

import (
	"cmp"
	"fmt"
	"html"
	"net/url"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// apiVersion is that of PEP 792, which pages with a project status must name.
const apiVersion = "1.4"

const quarantined = "quarantined"

// Render returns the two pages of a project and the METADATA of its wheels.
// Pages are made of one part for each full chunk of releases and one for each
// release of the last chunk; links are relative, so nothing depends on the
// public URL.
func (e Ecosystem) Render(p *bonded.Package, _ *bonded.House, docs ecosystem.Docs, since uint64) ([]ecosystem.Document, error) {
	if p.ClaimIndex == 0 || p.Head <= since {
		return nil, nil
	}
	page, err := newPage(p, docs)
	if err != nil {
		return nil, err
	}
	dir := id + "/simple/" + p.Name.Key + "/"
	out := []ecosystem.Document{
		{Path: dir + "index.html", Type: typePage, URL: dir, Accept: typeHTML, Parts: page.html()},
		{Path: dir + "index.json", Type: typeJSON, URL: dir, Accept: typeJSON, Parts: page.json()},
	}
	for r := range p.Releases() {
		if r.Changed <= since {
			continue
		}
		for i := range r.Files {
			if err := e.metadata(&out, p, &r.Files[i], docs, since); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// metadata adds the METADATA of one wheel, or takes it away.
func (e Ecosystem) metadata(out *[]ecosystem.Document, p *bonded.Package, f *bonded.File, docs ecosystem.Docs, since uint64) error {
	if !strings.HasSuffix(f.Name, ".whl") || !f.Removed && f.Index < since {
		return nil
	}
	path := e.ArtifactPath(p.Name, "", f.Name) + ".metadata"
	doc := ecosystem.Document{Path: path, Type: typeMetadata, URL: escapePath(path), Gone: f.Removed}
	if f.Removed {
		*out = append(*out, doc)
		return nil
	}
	x, err := extractOf(f, docs)
	if err != nil || x.CoreMetadata == nil {
		return err
	}
	digest, err := bonded.ParseHexDigest(x.CoreMetadata.SHA256)
	if err != nil {
		return err
	}
	doc.Parts = []ecosystem.Part{{Key: digest.Hex(), Bytes: func() ([]byte, error) { return docs.Doc(digest) }}}
	*out = append(*out, doc)
	return nil
}

func extractOf(f *bonded.File, docs ecosystem.Docs) (extract, error) {
	b, err := docs.Doc(f.Meta)
	if err != nil {
		return extract{}, fmt.Errorf("render %s: %w", f.Name, err)
	}
	return readExtract(b)
}

// page is a project as both serializations show it.
type page struct {
	p      *bonded.Package
	docs   ecosystem.Docs
	status string
	reason string // of the status
	runs   []run
}

// run is what one part shows: a full chunk, or one release of the last one.
type run struct {
	key      string
	releases []bonded.Release
	live     int // files
}

func newPage(p *bonded.Package, docs ecosystem.Docs) (*page, error) {
	g := &page{p: p, docs: docs, status: cmp.Or(p.Status, "active")}
	var err error
	if g.reason, err = note(p.StatusDoc, docs); err != nil {
		return nil, err
	}
	for _, c := range p.Chunks() {
		if c.Full() {
			err = g.add(c.Digest().Hex(), c.Releases)
		} else {
			for i := range c.Releases {
				r := &c.Releases[i]
				// A release that did not change looks the same.
				err = cmp.Or(err, g.add(fmt.Sprintf("%s %d", r.Version, r.Changed), c.Releases[i:i+1]))
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return g, nil
}

// add completes the key: a reason for a yank can be deleted, which no fact in
// the log shows.
func (g *page) add(key string, releases []bonded.Release) error {
	n := 0
	for i := range releases {
		r := &releases[i]
		text, err := note(r.YankDoc, g.docs)
		if err != nil {
			return err
		}
		if !r.YankDoc.IsZero() && text == "" {
			key += fmt.Sprintf(" -%d", i)
		}
		for k := range r.Files {
			if !r.Files[k].Removed {
				n++
			}
		}
	}
	g.runs = append(g.runs, run{key, releases, n})
	return nil
}

// note reads a message that may have been deleted, as one line of text.
func note(d bonded.Digest, docs ecosystem.Docs) (string, error) {
	if d.IsZero() {
		return "", nil
	}
	b, err := docs.Doc(d)
	if kind, _, _ := bonded.Explain(err); err != nil && kind == bonded.NotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	const longest = 1000
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(b), "?"))
	if r := []rune(text); len(r) > longest {
		text = string(r[:longest]) + "..."
	}
	return strings.TrimSpace(text), nil
}

// parts makes one part for each run with anything live in it. write is told
// whether the item is the first of all.
func (g *page) parts(kind string, write func(b []byte, r *bonded.Release, first bool) ([]byte, error)) (out []ecosystem.Part) {
	first := true
	for _, run := range g.runs {
		if run.live == 0 {
			continue
		}
		begins := first
		first = false
		key := kind + run.key
		if begins {
			key += " first"
		}
		out = append(out, ecosystem.Part{Key: key, Bytes: func() (b []byte, err error) {
			at := begins
			for i := range run.releases {
				if !run.releases[i].Live() {
					continue
				}
				if b, err = write(b, &run.releases[i], at); err != nil {
					return nil, err
				}
				at = false
			}
			return b, nil
		}})
	}
	return out
}

// fixed is a part whose text is its key.
func fixed(text string) ecosystem.Part {
	return ecosystem.Part{Key: "text " + text, Bytes: func() ([]byte, error) { return []byte(text), nil }}
}

func (g *page) html() []ecosystem.Part {
	head := "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"pypi:repository-version\" content=\"" + apiVersion + "\">\n" +
		"<meta name=\"pypi:project-status\" content=\"" + html.EscapeString(g.status) + "\">\n"
	if g.reason != "" {
		head += "<meta name=\"pypi:project-status-reason\" content=\"" + html.EscapeString(g.reason) + "\">\n"
	}
	title := "Links for " + html.EscapeString(g.p.Name.Display)
	parts := []ecosystem.Part{fixed(head + "<title>" + title + "</title>\n</head>\n<body>\n<h1>" + title + "</h1>\n")}
	if g.status != quarantined {
		parts = append(parts, g.parts("h", g.anchors)...)
	}
	return append(parts, fixed("</body>\n</html>\n"))
}

// anchors writes the links of one release (PEP 503, 592, 658, 714).
func (g *page) anchors(b []byte, r *bonded.Release, _ bool) ([]byte, error) {
	attr := func(name, value string) {
		b = append(b, " data-"+name+"=\""+html.EscapeString(value)+"\""...)
	}
	for i := range r.Files {
		f := &r.Files[i]
		if f.Removed {
			continue
		}
		x, err := extractOf(f, g.docs)
		if err != nil {
			return nil, err
		}
		b = append(b, "<a href=\""+g.link(f)+"#sha256="+f.Digest.Hex()+"\""...)
		if x.RequiresPython != "" {
			attr("requires-python", x.RequiresPython)
		}
		if x.CoreMetadata != nil {
			attr("core-metadata", "sha256="+x.CoreMetadata.SHA256)
			attr("dist-info-metadata", "sha256="+x.CoreMetadata.SHA256)
		}
		if r.Yanked {
			reason, err := note(r.YankDoc, g.docs)
			if err != nil {
				return nil, err
			}
			attr("yanked", reason)
		}
		b = append(b, ">"+html.EscapeString(f.Name)+"</a><br>\n"...)
	}
	return b, nil
}

func (g *page) link(f *bonded.File) string {
	return "../../files/" + g.p.Name.Key + "/" + escape(f.Name)
}

func (g *page) json() []ecosystem.Part {
	head := `{"meta":{"api-version":"` + apiVersion + `"},"name":` + quote(g.p.Name.Key) +
		`,"project-status":{"status":` + quote(g.status)
	if g.reason != "" {
		head += `,"reason":` + quote(g.reason)
	}
	parts := []ecosystem.Part{fixed(head + `},"versions":[`)}
	parts = append(parts, g.parts("v", versionItem)...)
	parts = append(parts, fixed(`],"files":[`))
	if g.status != quarantined {
		parts = append(parts, g.parts("j", g.fileItems)...)
	}
	return append(parts, fixed("]}\n"))
}

// versionItem writes a version as its files spell it (PEP 700).
func versionItem(b []byte, r *bonded.Release, first bool) ([]byte, error) {
	if !first {
		b = append(b, ',')
	}
	spelling := r.Version
	for i := range r.Files {
		if f, err := parseFile(r.Files[i].Name); err == nil && !r.Files[i].Removed {
			spelling = f.version.String()
			break
		}
	}
	return append(b, quote(spelling)...), nil
}

// fileItems writes the files of one release (PEP 691, 700, 714). The older key
// dist-info-metadata is left out: pip 22.3 to 23.1 stop at the sight of it.
func (g *page) fileItems(b []byte, r *bonded.Release, first bool) ([]byte, error) {
	for i := range r.Files {
		f := &r.Files[i]
		if f.Removed {
			continue
		}
		x, err := extractOf(f, g.docs)
		if err != nil {
			return nil, err
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, "\n{\"filename\":"+quote(f.Name)+",\"url\":"+quote(g.link(f))+",\"hashes\":{\"sha256\":\""+f.Digest.Hex()+"\"}"...)
		if x.RequiresPython != "" {
			b = append(b, ",\"requires-python\":"+quote(x.RequiresPython)...)
		}
		if x.CoreMetadata != nil {
			b = append(b, ",\"core-metadata\":{\"sha256\":"+quote(x.CoreMetadata.SHA256)+"}"...)
		}
		b = fmt.Appendf(b, ",\"size\":%d,\"upload-time\":\"%s\"", f.Size, f.Time.UTC().Format("2006-01-02T15:04:05.000000Z"))
		if b, err = g.yankedItem(b, r); err != nil {
			return nil, err
		}
		b = append(b, '}')
	}
	return b, nil
}

func (g *page) yankedItem(b []byte, r *bonded.Release) ([]byte, error) {
	if !r.Yanked {
		return b, nil
	}
	reason, err := note(r.YankDoc, g.docs)
	if err != nil {
		return nil, err
	}
	if reason == "" {
		return append(b, ",\"yanked\":true"...), nil
	}
	return append(b, ",\"yanked\":"+quote(reason)...), nil
}

// quote writes a JSON string; what is not UTF-8 was replaced before.
func quote(s string) string {
	b, err := jsontext.AppendQuote(nil, strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		panic(err) // AppendQuote fails on broken UTF-8 only
	}
	return string(b)
}

// escape makes a file name a URL segment. "+" is legal there, but some object
// stores read it as a blank.
func escape(segment string) string {
	return strings.ReplaceAll(url.PathEscape(segment), "+", "%2B")
}

func escapePath(path string) string {
	seg := strings.Split(path, "/")
	for i := range seg {
		seg[i] = escape(seg[i])
	}
	return strings.Join(seg, "/")
}
