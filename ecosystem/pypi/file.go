package pypi

import (
	"strings"

	"bonded.dev"
)

// The kinds of files that are taken, in the words of the upload form.
const (
	wheelType = "bdist_wheel"
	sdistType = "sdist"
)

// longestFile bounds a file name, bytes: file systems stop at 255, and the
// store appends ".metadata" and ".gz".
const longestFile = 230

// distFile is the name of a wheel or of an sdist, taken apart.
type distFile struct {
	kind    string // wheelType or sdistType
	key     string // normalised project name
	version version
	build   string // wheel only, may be empty
	tags    string // wheel only: "py3-none-any", lower case
}

// String is the one spelling under which the file is kept and served (binary
// distribution format, "Escaping and Unicode"; PEP 625). Whatever spelling a
// client used comes down to it, so that Foo-1.0.tar.gz and foo-1.0.tar.gz can
// never be two files.
func (f distFile) String() string {
	s := strings.ReplaceAll(f.key, "-", "_") + "-" + f.version.String()
	if f.kind == sdistType {
		return s + ".tar.gz"
	}
	if f.build != "" {
		s += "-" + f.build
	}
	return s + "-" + f.tags + ".whl"
}

// parseFile reads a file name in any spelling that normalises.
func parseFile(name string) (distFile, error) {
	switch {
	case len(name) > longestFile:
		return distFile{}, bonded.Errorf(bonded.Invalid, "the file name is longer than %d characters", longestFile)
	case strings.HasSuffix(name, ".whl"):
		return parseWheelName(name)
	case strings.HasSuffix(name, ".tar.gz"):
		return parseSdistName(name)
	}
	return distFile{}, bonded.Errorf(bonded.Unsupported,
		"\"%s\" is neither a wheel (.whl) nor a source distribution (.tar.gz); eggs, installers and zip or bz2 source distributions are not taken: build again with a current tool", show(name))
}

// parseSdistName cuts at the last hyphen with a version behind it. In old names
// both parts may hold hyphens (foo-bar-1.0-1), and only what is inside tells
// which was meant: see names.
func parseSdistName(name string) (distFile, error) {
	stem := strings.TrimSuffix(name, ".tar.gz")
	for i := len(stem) - 1; i > 0; i-- {
		if stem[i] != '-' || wrongName(stem[:i]) != "" {
			continue
		}
		if v, ok := parseVersion(stem[i+1:]); ok {
			return distFile{kind: sdistType, key: normalise(stem[:i]), version: v}, nil
		}
	}
	return distFile{}, bonded.Errorf(bonded.Invalid, "the file name \"%s\" is not of the form NAME-VERSION.tar.gz (PEP 625)", show(name))
}

// names reports whether the file name that f was parsed from can be read as
// one of the given project and version.
func (f distFile) names(sent, key string, v version) bool {
	if f.kind == sdistType {
		return named(strings.TrimSuffix(sent, ".tar.gz"), key, v)
	}
	return f.key == key && f.version.identity() == v.identity()
}

// parseWheelName reads {name}-{version}(-{build})?-{python}-{abi}-{platform}.whl.
func parseWheelName(name string) (distFile, error) {
	part := strings.Split(strings.TrimSuffix(name, ".whl"), "-")
	f := distFile{kind: wheelType}
	if len(part) == 6 {
		f.build = part[2]
		part = append(part[:2:2], part[3:]...)
		if f.build == "" || f.build[0] < '0' || f.build[0] > '9' || !tagLike(f.build) {
			return f, bonded.Errorf(bonded.Invalid, "the wheel name \"%s\" has the build tag \"%s\"; one starts with a digit and holds letters, digits, \".\" and \"_\"", show(name), show(f.build))
		}
	}
	if len(part) != 5 {
		return f, bonded.Errorf(bonded.Invalid, "the wheel name \"%s\" is not of the form NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl", show(name))
	}
	var ok bool
	if f.version, ok = parseVersion(part[1]); !ok {
		return f, bonded.Errorf(bonded.Invalid, "the wheel name \"%s\" holds \"%s\" where a version belongs (PEP 440)", show(name), show(part[1]))
	}
	if wrongName(part[0]) != "" || strings.Contains(part[0], "__") {
		return f, bonded.Errorf(bonded.Invalid, "the wheel name \"%s\" holds \"%s\" where an escaped project name belongs", show(name), show(part[0]))
	}
	for _, tags := range part[2:] {
		for tag := range strings.SplitSeq(tags, ".") {
			if tag == "" || !tagLike(tag) {
				return f, bonded.Errorf(bonded.Invalid, "the wheel name \"%s\" has the compatibility tags \"%s\"", show(name), show(tags))
			}
		}
	}
	f.key, f.build = normalise(part[0]), strings.ToLower(f.build)
	f.tags = strings.ToLower(strings.Join(part[2:], "-"))
	return f, nil
}

func tagLike(s string) bool {
	return strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789_.") == "" && isASCII(s)
}

// named reports whether stem is some spelling of key and v with a hyphen
// between them. Both may hold hyphens in old archives (foo-bar-1.0-1), so that
// every cut is tried.
func named(stem, key string, v version) bool {
	if len(stem) > longestFile {
		return false
	}
	for i := range len(stem) {
		if stem[i] != '-' {
			continue
		}
		name := normalise(stem[:i])
		if len(name) > len(key) {
			return false
		}
		if name != key {
			continue
		}
		if w, ok := parseVersion(stem[i+1:]); ok && w.identity() == v.identity() {
			return true
		}
	}
	return false
}
