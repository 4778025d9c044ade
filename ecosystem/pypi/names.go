package pypi

import (
	"strings"

	"bonded.dev"
)

// longestName bounds a project name, bytes. With the longest version and tags
// it still makes a file name that file systems take.
const longestName = 100

// Name reads a project name by the name format of the dependency specifiers
// specification (PEP 508): ASCII letters, digits and ".", "_", "-" between
// them. The key is the normalised form of PEP 503.
func (Ecosystem) Name(raw string) (bonded.Name, error) {
	if why := wrongName(raw); why != "" {
		return bonded.Name{}, bonded.Errorf(bonded.Invalid, "the project name \"%s\" %s", show(raw), why)
	}
	return bonded.Name{Ecosystem: id, Key: normalise(raw), Display: raw}, nil
}

func wrongName(raw string) string {
	switch {
	case raw == "":
		return "is empty"
	case len(raw) > longestName:
		return "is longer than 100 characters"
	case strings.Trim(strings.ToLower(raw), "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" || !isASCII(raw):
		return `holds something else than ASCII letters, digits, ".", "_" and "-"`
	case strings.ContainsAny(raw[:1]+raw[len(raw)-1:], "._-"):
		return "does not start and end with a letter or a digit"
	}
	return ""
}

// normalise is PEP 503: lower case, and one hyphen for each run of separators.
func normalise(name string) string {
	var b strings.Builder
	gap := false
	for i := range len(name) {
		switch c := name[i]; {
		case c == '.' || c == '_' || c == '-':
			gap = true
		default:
			if gap {
				b.WriteByte('-')
			}
			gap = false
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			}
			b.WriteByte(c)
		}
	}
	return b.String()
}
