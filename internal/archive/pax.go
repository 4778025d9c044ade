package archive

import (
	"strconv"
	"strings"
)

// paxRecords are the records that we let change an entry.
type paxRecords struct {
	path, link       string
	hasPath, hasLink bool
	size             int64
	hasSize          bool
}

// paxNumbers are records whose value must be a number, since archive/tar
// refuses others and tarfile reads them as 0.
const paxNumbers = " uid gid mtime atime ctime SCHILY.dev SCHILY.ino SCHILY.nlink "

// paxHarmless are records, or beginnings of records, that change neither
// where an entry is written nor what is in it.
var paxHarmless = [...]string{
	"uname", "gname", "comment", "SCHILY.xattr.", "SCHILY.acl.", "SCHILY.fflags", "LIBARCHIVE.",
}

// parsePAX reads the body of a pax header (POSIX.1-2001 pax, "pax Extended
// Header"): records "LENGTH KEY=VALUE\n".
func (w *walk) parsePAX(body string, global bool) (paxRecords, error) {
	var p paxRecords
	seen := map[string]bool{}
	for body != "" {
		digits, _, _ := strings.Cut(body, " ")
		n, err := strconv.ParseUint(digits, 10, 31)
		if err != nil || strconv.FormatUint(n, 10) != digits || int(n) <= len(digits)+1 || int(n) > len(body) || body[n-1] != '\n' {
			return p, w.stop(PAXHeader, "", "a record without a proper length")
		}
		key, value, ok := strings.Cut(body[len(digits)+1:n-1], "=")
		body = body[n:]
		if !ok || key == "" || seen[key] {
			return p, w.stop(PAXHeader, "", "record %s", quoted(key))
		}
		seen[key] = true
		// node-tar reads line by line: to it the rest of the value is one more record.
		if strings.ContainsAny(key+value, "\n") {
			w.note(PAXOverride, "", "record %s holds a line break", quoted(key))
		}
		w.paxRecord(&p, key, value, global)
	}
	return p, nil
}

// paxRecord takes one record. What is neither harmless nor understood the
// same by all (sparse maps, a character set, node-tar's own "type" and "mode")
// is noted.
func (w *walk) paxRecord(p *paxRecords, key, value string, global bool) {
	if global && key != "comment" { // git archive writes the commit there
		w.note(PAXOverride, "", "global record %s", quoted(key))
		return
	}
	switch {
	case key == "path":
		p.path, p.hasPath = value, true
	case key == "linkpath":
		p.link, p.hasLink = value, true
	case key == "size":
		size, err := strconv.ParseInt(value, 10, 64)
		if err != nil || strconv.FormatInt(size, 10) != value || size < 0 {
			w.note(PAXOverride, "", "size %s", quoted(value))
			return
		}
		p.size, p.hasSize = size, true
	case strings.Contains(paxNumbers, " "+key+" "):
		if !decimal(value) {
			w.note(PAXOverride, "", "record %s is no number", quoted(key))
		}
	default:
		for _, h := range paxHarmless {
			if key == h || strings.HasSuffix(h, ".") && strings.HasPrefix(key, h) {
				return
			}
		}
		w.note(PAXOverride, "", "record %s", quoted(key))
	}
}

// decimal reports digits with at most one sign before and one point between them.
func decimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, part, point := strings.Cut(s, ".")
	return digits(whole) && (!point || digits(part))
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
