package npm

import (
	"regexp"
	"strings"

	"bonded.dev"
)

const (
	maxName    = 214 // validate-npm-package-name
	maxVersion = 256 // node-semver, internal/constants.js
	maxTag     = 214
	maxTags    = 16 // that one release may bring
	// maxFile bounds a file's name: file systems take 255 bytes, and stores put
	// something of their own behind it.
	maxFile = 240
)

// Name reads a package name by the rules for new packages
// (validate-npm-package-name): lower case, at most 214 bytes, only characters
// that a URL carries unescaped, no leading dot, underscore or hyphen. npm has
// one spelling for each name.
func (Ecosystem) Name(raw string) (bonded.Name, error) {
	wrong := func(why string) (bonded.Name, error) {
		return bonded.Name{}, bonded.Errorf(bonded.Invalid, "%+q is not a package name: %s", clip(raw), why)
	}
	scope, base, scoped := "", raw, strings.HasPrefix(raw, "@")
	if scoped {
		var slash bool
		if scope, base, slash = strings.Cut(raw[1:], "/"); !slash || scope == "" {
			return wrong("a scoped name is written @scope/name")
		}
	}
	switch {
	case base == "":
		return wrong("it is empty")
	case len(raw) > maxName:
		return wrong("it has more than 214 characters")
	case strings.ToLower(raw) != raw:
		return wrong("names are written in lower case")
	case strings.HasPrefix(base, ".") || strings.HasPrefix(scope, "."):
		return wrong("it starts with a dot")
	case !scoped && (base[0] == '_' || base[0] == '-'):
		return wrong("it starts with an underscore or a hyphen")
	case !scoped && (base == "node_modules" || base == "favicon.ico"):
		return wrong("this name is reserved")
	case !plain(base) || !plain(scope):
		return wrong("only letters, digits, hyphens, underscores and dots can stand in it")
	}
	return bonded.Name{Ecosystem: ID, Key: raw, Display: raw}, nil
}

func plain(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	}) < 0
}

// baseName is the name without its scope.
func baseName(n bonded.Name) string { return n.Key[strings.IndexByte(n.Key, '/')+1:] }

// fileName is the one file that a version of a package has.
func fileName(n bonded.Name, version string) string {
	return baseName(n) + "-" + version + ".tgz"
}

// versionForm is the strict grammar of https://semver.org, 2.0.0, with the
// build metadata apart.
var versionForm = regexp.MustCompile(`^((?:0|[1-9]\d{0,15})\.(?:0|[1-9]\d{0,15})\.(?:0|[1-9]\d{0,15})` +
	`(?:-(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?)` +
	`(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$`)

// cleanVersion is node-semver's clean: blanks and a leading "v" or "=" go, and
// so does build metadata, which tells no two versions apart.
func cleanVersion(raw string) (string, bool) {
	if len(raw) > maxVersion {
		return "", false
	}
	m := versionForm.FindStringSubmatch(strings.TrimLeft(strings.TrimSpace(raw), "=v"))
	if m == nil {
		return "", false
	}
	core, _, _ := strings.Cut(m[1], "-")
	for part := range strings.SplitSeq(core, ".") {
		// JavaScript's largest exact integer; npm refuses more.
		if len(part) == 16 && part > "9007199254740991" {
			return "", false
		}
	}
	return m[1], true
}

// tagForm is what encodeURIComponent leaves as it is. rangeForm is, of that,
// all that node-semver takes for a range, loosely read, and a little more.
var (
	tagForm   = regexp.MustCompile(`^[A-Za-z0-9_.!~*'()-]+$`)
	rangeForm = regexp.MustCompile(`^[v~*]*(\d+|[xX*])(\.(\d+|[xX*])(\.(\d+|[xX*])(-?[0-9A-Za-z.-]*))?)?$`)
)

// checkTag takes what npm-package-arg takes for a tag: characters that need no
// escaping in a URL, and nothing that could be read as a version range.
func checkTag(tag string) error {
	if len(tag) > maxTag || !tagForm.MatchString(tag) {
		return bonded.Errorf(bonded.Invalid, "%+q cannot be a tag: only letters, digits and - _ . ! ~ * ' ( ) can stand in it", clip(tag))
	}
	if tag == prototype {
		return bonded.Errorf(bonded.Invalid, "%+q cannot be a tag: it names no member of an object in JavaScript", tag)
	}
	if rangeForm.MatchString(tag) {
		return bonded.Errorf(bonded.Invalid, "%+q cannot be a tag: clients would read it as a version", clip(tag))
	}
	return nil
}

// clip keeps a hostile string short in an error text; %+q makes it printable
// and shows a letter that only looks like another.
func clip(s string) string {
	const longest = 120
	if len(s) <= longest {
		return s
	}
	return s[:longest] + "..."
}
