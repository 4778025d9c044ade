package pypi

import (
	"bytes"
	"cmp"
	"strings"
	"unicode/utf8"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// message is a file in the format of METADATA, PKG-INFO and WHEEL: header
// fields, an empty line, a body.
//
// The core metadata specification names no RFC; what Python's email.parser
// makes of the bytes is the practice. This reader takes the part of it in which
// all readers agree, and notes the rest. Where email.parser sees something
// else than a line reader (a bare carriage return is a line break to it, a line
// that is no field ends the header), dependencies could be shown to one and
// hidden from the other.
type message struct {
	fields []field
	body   string
}

type field struct {
	name  string // lower case
	value string // unfolded: each line break inside became a blank
}

// maxFields bounds the fields of one message. The largest packages have some
// thousand, nearly all Requires-Dist.
const maxFields = 10_000

func (m *message) get(name string) string {
	for i := range m.fields {
		if m.fields[i].name == name {
			return m.fields[i].value
		}
	}
	return ""
}

func (m *message) all(name string) (values []string) {
	for i := range m.fields {
		if m.fields[i].name == name {
			values = append(values, m.fields[i].value)
		}
	}
	return values
}

// parseMessage reads b, which stands at path in the archive.
func parseMessage(b []byte, path string, found *findings) *message {
	if !utf8.Valid(b) {
		found.add(bonded.Shape, "metadata-encoding", path, "it is not UTF-8")
		b = bytes.ToValidUTF8(b, []byte("\uFFFD"))
	}
	m := &message{}
	src := string(b)
	begin, at := 0, 0 // of the field that is read, of the line that is read
	for at < len(src) {
		end := len(src)
		if n := strings.IndexByte(src[at:], '\n'); n >= 0 {
			end = at + n
		}
		line := strings.TrimSuffix(src[at:end], "\r")
		folded := line != "" && (line[0] == ' ' || line[0] == '\t') && at > begin
		if !folded && at > begin && !m.take(src[begin:at], path, found) {
			return m
		}
		if line == "" {
			m.body = src[min(end+1, len(src)):]
			return m
		}
		if !folded {
			begin = at
		}
		at = min(end+1, len(src))
	}
	if at > begin {
		m.take(src[begin:at], path, found)
	}
	return m
}

// take adds one field with its folded lines and reports whether the header
// goes on behind it.
func (m *message) take(raw, path string, found *findings) bool {
	name, value, ok := strings.Cut(raw, ":")
	if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		found.add(bonded.Shape, "metadata-header", path, "\"%s\" is no field; readers end the header here or pass over it", show(raw))
		return false
	}
	var lines []string
	for line := range strings.Lines(value) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if i := strings.IndexFunc(line, breaksLine); i >= 0 {
			found.add(bonded.Shape, "metadata-control", path, "%s holds the control character \"%s\", at which readers break the line or do not", show(name), show(line[i:i+1]))
		}
		if r, ok := ecosystem.Obeyed(line); ok {
			found.keep(ecosystem.Unprintable(show(name), r))
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	m.fields = append(m.fields, field{strings.ToLower(name), strings.TrimSpace(strings.Join(lines, " "))})
	if len(m.fields) > maxFields {
		found.add(bonded.Bound, "metadata-fields", path, "more than %d fields", maxFields)
		return false
	}
	return true
}

func breaksLine(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// onceOnly are the fields that the core metadata specification does not mark
// "multiple use".
var onceOnly = [...]string{
	"metadata-version", "name", "version", "summary", "description", "description-content-type",
	"keywords", "home-page", "download-url", "author", "author-email", "maintainer",
	"maintainer-email", "license", "license-expression", "requires-python",
}

// metadata is what a distribution says of itself.
type metadata struct {
	message
	name    string
	version version
}

// parseMetadata reads METADATA or PKG-INFO. The error says what makes it
// impossible to say what the distribution is.
func parseMetadata(b []byte, path string, found *findings) (*metadata, error) {
	m := &metadata{message: *parseMessage(b, path, found)}
	for _, name := range onceOnly {
		if n := len(m.all(name)); n > 1 {
			found.add(bonded.Shape, "metadata-duplicate", path, "%s stands there %d times, and readers differ in which one counts", name, n)
		}
	}
	if m.get("description") != "" && strings.TrimSpace(m.body) != "" {
		found.add(bonded.Shape, "metadata-duplicate", path, "there are two descriptions, a field and a body")
	}
	major, _, _ := strings.Cut(m.get("metadata-version"), ".")
	switch major {
	case "1", "2":
	case "":
		return nil, bonded.Errorf(bonded.Invalid, "%s has no Metadata-Version; build the distribution again with a current tool", show(path))
	default:
		return nil, bonded.Errorf(bonded.Unsupported, "%s is of Metadata-Version \"%s\"; this repository reads 1.x and 2.x", show(path), show(m.get("metadata-version")))
	}
	m.name = m.get("name")
	if why := wrongName(m.name); why != "" {
		return nil, bonded.Errorf(bonded.Invalid, "%s: the project name \"%s\" %s", show(path), show(m.name), why)
	}
	var ok bool
	if m.version, ok = parseVersion(m.get("version")); !ok {
		return nil, bonded.Errorf(bonded.Invalid, "%s: the version \"%s\" is not one by PEP 440", show(path), show(m.get("version")))
	}
	return m, nil
}

// requires are the other projects that Requires-Dist names, normalised, those
// behind extras and markers among them. found hears of lines that name none.
func (m *metadata) requires(path string, found *findings) (keys []string) {
	seen := map[string]bool{normalise(m.name): true} // foo[all] is how foo collects its extras
	for _, line := range m.all("requires-dist") {
		end := strings.IndexFunc(line, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r)
		})
		if end < 0 {
			end = len(line)
		}
		if wrongName(line[:end]) != "" {
			found.add(bonded.Shape, "requires-dist", path, "\"%s\" names no project (PEP 508)", show(line))
			continue
		}
		if key := normalise(line[:end]); !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}

// homepage is Home-page or the project URL of that label, which is compared as
// the well-known project URLs specification (PEP 753) says.
func (m *metadata) homepage() string {
	urls := []string{m.get("home-page")}
	for _, v := range m.all("project-url") {
		label, url, _ := strings.Cut(v, ",")
		label = strings.Map(func(r rune) rune {
			if r < 'a' || r > 'z' {
				return -1
			}
			return r
		}, strings.ToLower(label))
		if label == "homepage" {
			urls = append(urls, strings.TrimSpace(url))
		}
	}
	for _, u := range urls {
		if strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") {
			return u
		}
	}
	return ""
}

// keywords are separated by commas, in old packages by blanks.
func (m *metadata) keywords() []string {
	text := m.get("keywords")
	var words []string
	if strings.Contains(text, ",") {
		words = strings.Split(text, ",")
	} else {
		words = strings.Fields(text)
	}
	var out []string
	for _, w := range words {
		if w = strings.TrimSpace(w); w != "" && len(w) <= 64 && len(out) < 50 {
			out = append(out, w)
		}
	}
	return out
}

// license is the field License where it names a license; many packages put the
// whole text there.
func (m *metadata) license() string {
	if v := m.get("license"); len(v) <= 120 {
		return v
	}
	return ""
}

func (m *metadata) summary() bonded.Summary {
	const longest = 512 // characters; as the larger index bounds it
	text := []rune(m.get("summary"))
	return bonded.Summary{
		Version: m.version.String(), Description: string(text[:min(longest, len(text))]), Keywords: m.keywords(),
		License: cmp.Or(m.get("license-expression"), m.license()), Homepage: m.homepage(),
	}
}
