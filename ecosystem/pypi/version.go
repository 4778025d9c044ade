package pypi

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// version is a version by PEP 440 and the version specifiers specification.
// Numbers stay digits without leading zeros: the grammar does not bound them
// and dates with a time behind them outgrow 64 bits.
type version struct {
	epoch   string
	release []string
	pre     string // "a", "b", "rc"; "" for none
	preN    string
	post    string // "" for none
	dev     string // "" for none
	local   []string
}

// longestVersion bounds a version, bytes; the longest in use have about 60.
const longestVersion = 128

// versionPattern is the grammar of PEP 440 appendix B in lower case, anchored.
var versionPattern = regexp.MustCompile(`^v?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)` +
	`(?:[._-]?(alpha|a|beta|b|preview|pre|c|rc)[._-]?([0-9]+)?)?` +
	`(?:-([0-9]+)|[._-]?(post|rev|r)[._-]?([0-9]+)?)?` +
	`(?:[._-]?(dev)[._-]?([0-9]+)?)?` +
	`(?:\+([a-z0-9]+(?:[._-][a-z0-9]+)*))?$`)

// parseVersion reads any spelling that PEP 440 allows, without blanks around it.
func parseVersion(raw string) (v version, ok bool) {
	if len(raw) > longestVersion || !isASCII(raw) {
		return v, false
	}
	m := versionPattern.FindStringSubmatch(strings.ToLower(raw))
	if m == nil {
		return v, false
	}
	v.epoch = number(m[1])
	for part := range strings.SplitSeq(m[2], ".") {
		v.release = append(v.release, number(part))
	}
	if m[3] != "" {
		v.pre, v.preN = preWord(m[3]), number(m[4])
	}
	if m[5] != "" {
		v.post = number(m[5])
	} else if m[6] != "" {
		v.post = number(m[7])
	}
	if m[8] != "" {
		v.dev = number(m[9])
	}
	if m[10] != "" {
		v.local = strings.FieldsFunc(m[10], func(r rune) bool { return strings.ContainsRune("._-", r) })
		for i, part := range v.local {
			if isDigits(part) {
				v.local[i] = number(part)
			}
		}
	}
	return v, true
}

func preWord(s string) string {
	switch s {
	case "alpha":
		return "a"
	case "beta":
		return "b"
	case "c", "pre", "preview":
		return "rc"
	}
	return s
}

// number drops leading zeros; nothing at all is 0.
func number(digits string) string { return cmp.Or(strings.TrimLeft(digits, "0"), "0") }

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > '~' })
}

// String is the normal form: what file names and pages show. It keeps the
// zeros that were written at the end of the release number.
func (v version) String() string { return v.with(v.release) }

// identity is equal for equal versions: the normal form without zeros at the
// end of the release number, since 1.0 and 1.0.0 are one version to every
// resolver. It is what packaging.utils.canonicalize_version returns.
func (v version) identity() string { return v.with(v.trimmed()) }

func (v version) trimmed() []string {
	n := len(v.release)
	for n > 1 && v.release[n-1] == "0" {
		n--
	}
	return v.release[:n]
}

func (v version) with(release []string) string {
	s := strings.Join(release, ".")
	if v.epoch != "0" {
		s = v.epoch + "!" + s
	}
	if v.pre != "" {
		s += v.pre + v.preN
	}
	if v.post != "" {
		s += ".post" + v.post
	}
	if v.dev != "" {
		s += ".dev" + v.dev
	}
	if len(v.local) > 0 {
		s += "+" + strings.Join(v.local, ".")
	}
	return s
}

func (v version) final() bool { return v.pre == "" && v.dev == "" }

// compare orders by PEP 440 ("Summary of permitted suffixes and relative ordering").
func (v version) compare(w version) int {
	return cmp.Or(
		compareNumbers(v.epoch, w.epoch),
		slices.CompareFunc(v.trimmed(), w.trimmed(), compareNumbers),
		cmp.Compare(v.phase(), w.phase()),
		compareNumbers(v.preN, w.preN),
		compareNumbers(v.post, w.post), // none is first: shorter than any digits
		compareDev(v.dev, w.dev),
		slices.CompareFunc(v.local, w.local, compareLocal),
	)
}

// phase places 1.0.dev1 before 1.0a1 before 1.0b1 before 1.0rc1 before 1.0.
func (v version) phase() int {
	switch v.pre {
	case "a":
		return 1
	case "b":
		return 2
	case "rc":
		return 3
	}
	if v.dev != "" && v.post == "" {
		return 0
	}
	return 4
}

func compareNumbers(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// compareDev puts development releases before what they lead to.
func compareDev(a, b string) int {
	if (a == "") != (b == "") {
		return -cmp.Compare(len(a), len(b))
	}
	return compareNumbers(a, b)
}

// compareLocal puts numbers above words.
func compareLocal(a, b string) int {
	switch da, db := isDigits(a), isDigits(b); {
	case da && db:
		return compareNumbers(a, b)
	case da != db && da:
		return 1
	case da != db:
		return -1
	}
	return strings.Compare(a, b)
}

// Compare orders two versions by PEP 440; what is no version sorts first.
func (Ecosystem) Compare(a, b string) int {
	v, okV := parseVersion(a)
	w, okW := parseVersion(b)
	switch {
	case okV && okW:
		return v.compare(w)
	case okV:
		return 1
	case okW:
		return -1
	}
	return strings.Compare(a, b)
}
