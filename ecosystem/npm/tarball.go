package npm

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/internal/archive"
)

// extractor names the rules that made a metadata document out of a tarball.
const extractor = "npm/1"

const (
	maxPackageJSON = 1 << 20  // bytes
	maxReadme      = 64 << 10 // bytes kept, as the public registry does
)

// meta is the metadata document: all that a registry needs of a tarball, and
// nothing that is not in it, so that anyone with the bytes can make it again.
type meta struct {
	Extractor string         `json:"extractor"`
	Package   jsontext.Value `json:"package"` // package.json, canonical
	Shasum    string         `json:"shasum"`  // SHA-1, hex
	Integrity string         `json:"integrity"`
	FileCount int            `json:"fileCount"`
	Unpacked  int64          `json:"unpackedSize"`
	// Shrinkwrap, Gyp: npm-shrinkwrap.json, binding.gyp stand in the root.
	Shrinkwrap bool `json:"hasShrinkwrap"`
	Gyp        bool `json:"hasBindingGyp"`
	// Commands are the files in the folder that directories.bin names.
	Commands   []string `json:"directoriesBin,omitzero"`
	ReadmeFile string   `json:"readmeFilename,omitzero"`
	Readme     string   `json:"readme,omitzero"`

	pkg fields // Package
}

// encode writes the document in its canonical form, RFC 8785.
func (m *meta) encode() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	err = (*jsontext.Value)(&b).Canonicalize()
	return b, err
}

// parseMeta reads a metadata document back.
func parseMeta(b []byte) (*meta, error) {
	m := &meta{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("read metadata document: %w", err)
	}
	if m.Extractor != extractor {
		return nil, fmt.Errorf("read metadata document: made by %q, want %q", m.Extractor, extractor)
	}
	var err error
	m.pkg, err = parseFields(m.Package)
	return m, err
}

func integrity(k bonded.Kept) string {
	return "sha512-" + base64.StdEncoding.EncodeToString(k.SHA512[:])
}

var readmeFile = regexp.MustCompile(`(?i)^readme(\..*)?$`)

// inspect reads a kept tarball. The error is about our own storage; whatever
// is wrong with the tarball is an anomaly, and then the package.json in the
// result may be an empty object.
func inspect(k bonded.Kept, r io.ReaderAt) (*meta, []bonded.Anomaly, error) {
	inv, err := archive.Read(r, k.Size, archive.TarGz, archive.Limits{EntrySize: 1 << 30, TotalSize: 2 << 30}, func(p string) bool {
		_, name := splitRoot(p)
		return name == "package.json" || readmeFile.MatchString(name)
	})
	if err != nil {
		return nil, nil, err
	}
	m := &meta{
		Extractor: extractor, Shasum: hex.EncodeToString(k.SHA1[:]), Integrity: integrity(k),
		Package: jsontext.Value("{}"), pkg: fields{},
	}
	var anomalies []bonded.Anomaly
	for _, a := range inv.Anomalies {
		kind := bonded.Shape
		if a.Rule.Bound() {
			kind = bonded.Bound
		}
		anomalies = append(anomalies, bonded.Anomaly{Kind: kind, Rule: string(a.Rule), Where: a.Entry, Detail: a.Detail})
	}
	anomalies = append(anomalies, m.readRoots(inv)...)
	anomalies = append(anomalies, m.readPackage(inv)...)
	m.readCommands(inv)
	return m, anomalies, nil
}

// splitRoot takes off the first folder, as every client does when it unpacks.
func splitRoot(p string) (root, rest string) {
	root, rest, _ = strings.Cut(p, "/")
	return root, rest
}

// readRoots counts the files and finds those whose presence means something.
// Clients strip the first folder whatever it is called; a second one would lay
// its files over those of the first. npm drops links when it unpacks, others
// make them (pacote lib/fetcher.js).
func (m *meta) readRoots(inv archive.Inventory) (anomalies []bonded.Anomaly) {
	odd := map[string]bool{}
	note := func(rule, where, detail string) {
		if !odd[rule] { // one of each says enough
			odd[rule] = true
			anomalies = append(anomalies, shape(rule, where, detail))
		}
	}
	first := ""
	for i := range inv.Entries {
		e := &inv.Entries[i]
		root, name := splitRoot(e.Path)
		if first == "" {
			first = root
		}
		switch {
		case root != first:
			note("several-roots", e.Path, "clients unpack it over the folder "+printable(first))
		case name == "" && e.Type != archive.Dir:
			note("no-root", e.Path, "it stands in no folder, and clients leave it out")
		case e.Type == archive.Symlink || e.Type == archive.Hardlink:
			note("link", e.Path, "some clients leave links out when they unpack")
		}
		if e.Type == archive.File {
			m.FileCount++
			m.Unpacked += e.Size
		}
		switch {
		case name == "npm-shrinkwrap.json":
			m.Shrinkwrap = true
		case name == "binding.gyp":
			m.Gyp = true
		case readmeFile.MatchString(name) && better(name, m.ReadmeFile):
			m.ReadmeFile = name
		}
	}
	if text, ok := inv.Wanted[path.Join(first, m.ReadmeFile)]; ok {
		m.Readme = readme(text)
	}
	return anomalies
}

func shape(rule, where, detail string) bonded.Anomaly {
	return bonded.Anomaly{Kind: bonded.Shape, Rule: rule, Where: printable(where), Detail: printable(detail)}
}

// printable makes a hostile string harmless to print, and short.
func printable(s string) string {
	q := strconv.QuoteToASCII(clip(s))
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

// better prefers Markdown, then the name without an extension, then the
// smaller name, so that the choice does not depend on the archive's order.
func better(name, than string) bool {
	rank := func(s string) int {
		switch strings.ToLower(path.Ext(s)) {
		case ".md", ".markdown", ".mkd", ".mdown":
			return 0
		case "":
			return 1
		}
		return 2
	}
	return than == "" || rank(name) < rank(than) || rank(name) == rank(than) && name < than
}

// readme cuts a text without cutting a letter.
func readme(b []byte) string {
	if len(b) > maxReadme {
		cut := maxReadme
		for cut > maxReadme-utf8.UTFMax && !utf8.RuneStart(b[cut]) {
			cut--
		}
		b = b[:cut]
	}
	return strings.ToValidUTF8(string(b), "\ufffd")
}

// readPackage finds and parses package.json. JSON that two parsers could read
// differently (a name twice, broken UTF-8) is an archive that two clients read
// differently.
func (m *meta) readPackage(inv archive.Inventory) []bonded.Anomaly {
	var where string
	var text []byte
	found := 0
	for p, b := range inv.Wanted {
		if _, name := splitRoot(p); name == "package.json" {
			found++
			if where == "" || p < where {
				where, text = p, b
			}
		}
	}
	switch {
	case found == 0:
		return []bonded.Anomaly{shape("package-json", "package.json", "the tarball has none in its root folder")}
	case found > 1:
		return []bonded.Anomaly{shape("package-json", "package.json", fmt.Sprintf("the tarball has %d in its root folders", found))}
	case len(text) > maxPackageJSON:
		return []bonded.Anomaly{{Kind: bonded.Bound, Rule: "package-json", Where: where, Detail: fmt.Sprintf("%d bytes, at most %d are read", len(text), maxPackageJSON)}}
	}
	v := jsontext.Value(bytes.TrimPrefix(text, []byte("\ufeff")))
	err := v.Canonicalize()
	if err == nil && v.Kind() != '{' {
		err = fmt.Errorf("not an object")
	}
	if err != nil {
		return []bonded.Anomaly{shape("package-json", where, "not read alike by every parser: "+wrongJSON(err))}
	}
	pkg, err := parseFields(v)
	if err != nil {
		return []bonded.Anomaly{shape("package-json", where, wrongJSON(err))}
	}
	m.Package, m.pkg = v, pkg
	var anomalies []bonded.Anomaly
	if why := misread(v); why != "" {
		anomalies = append(anomalies, shape("package-json", where, "not read alike by every parser: "+why))
	}
	if why := pkg.climbs(); why != "" {
		anomalies = append(anomalies, shape("bin", where, why))
	}
	return append(anomalies, obeyed(v)...)
}

// obeyed finds the texts of a package.json that a terminal would obey. Where
// names stand, clients print them too.
func obeyed(object jsontext.Value) (anomalies []bonded.Anomaly) {
	const most = 4
	for dec := jsontext.NewDecoder(bytes.NewReader(object)); len(anomalies) < most; {
		token, err := dec.ReadToken()
		if err != nil { // the end; it was parsed before
			break
		}
		if token.Kind() != '"' {
			continue
		}
		if r, ok := ecosystem.Obeyed(token.String()); ok {
			anomalies = append(anomalies, ecosystem.Unprintable(printable(string(dec.StackPointer())), r))
		}
	}
	return anomalies
}

// misread names a member that some programs take for another one, though the
// JSON is in order; "" for none. A program in JavaScript that copies a member
// __proto__ gets an object that inherits from its value: what stands there is
// seen by one reader and not by the next. Parsers that fold case, Go's
// encoding/json among them, take Scripts for scripts.
func misread(object jsontext.Value) string {
	seen := map[string]string{}
	for dec := jsontext.NewDecoder(bytes.NewReader(object)); ; {
		token, err := dec.ReadToken()
		if err != nil { // the end; it was parsed before
			return ""
		}
		depth := dec.StackDepth()
		if in, n := dec.StackIndex(depth); in != '{' || n%2 == 0 {
			continue // no name of a member
		}
		name := token.String()
		if name == prototype {
			return "a member is called " + prototype
		}
		if depth > 1 { // names of packages may differ in case alone
			continue
		}
		if was, ok := seen[foldCase(name)]; ok {
			return "the members " + was + " and " + name + " differ in case alone"
		}
		seen[foldCase(name)] = name
	}
}

// prototype is the member of every JavaScript object that cannot hold data.
const prototype = "__proto__"

// foldCase is equal for names that differ in case alone, by the simple folding
// of Unicode.
func foldCase(s string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next
			}
			r = next
		}
	}, s)
}

// readCommands lists the files in the folder that directories.bin names. Npm
// looks into it when there is no bin.
func (m *meta) readCommands(inv archive.Inventory) {
	dir := m.pkg.object("directories").text("bin")
	if dir == "" || len(m.pkg.bin()) > 0 {
		return
	}
	for i := range inv.Entries {
		_, name := splitRoot(inv.Entries[i].Path)
		below, ok := strings.CutPrefix(name, inside(dir)+"/")
		if ok && inv.Entries[i].Type == archive.File && !strings.Contains("/"+below, "/.") {
			m.Commands = append(m.Commands, name)
		}
	}
	slices.Sort(m.Commands)
}

// bin is what the clients will link.
func (m *meta) bin() map[string]string {
	if b := m.pkg.bin(); len(b) > 0 || len(m.Commands) == 0 {
		return b
	}
	out := map[string]string{}
	for _, file := range m.Commands {
		out[path.Base(file)] = file
	}
	return out
}

// scripts adds what npm runs for a binding.gyp that no script takes care of.
func (m *meta) scripts() map[string]string {
	s := m.pkg.texts("scripts")
	if m.Gyp && s["install"] == "" && s["preinstall"] == "" && m.pkg["gypfile"].Kind() != 'f' {
		if s == nil {
			s = map[string]string{}
		}
		s["install"] = gypScript
	}
	return s
}

const gypScript = "node-gyp rebuild"

// runsOnInstall reports whether installing runs code of the package.
func (m *meta) runsOnInstall() bool {
	s := m.scripts()
	return s["preinstall"]+s["install"]+s["postinstall"] != ""
}
