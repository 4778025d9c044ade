package archive

import (
	"fmt"
	"strconv"
)

// Rule is the stable id of one thing that a strict reader does not accept. It
// stands in refusals, tests and metrics and is never renamed.
type Rule string

// Rules about names, for every kind of archive.
const (
	EmptyPath     Rule = "empty-path"
	PathTraversal Rule = "path-traversal" // a ".." segment
	AbsolutePath  Rule = "absolute-path"  // a leading slash, or a drive letter at the start of any segment
	BackslashPath Rule = "backslash-path" // a separator on one system, a letter on another
	DotSegment    Rule = "dot-segment"    // "." or an empty segment: readers that strip segments count it differently
	ControlChar   Rule = "control-character"
	NameEncoding  Rule = "name-encoding" // not UTF-8, or not declared as UTF-8
)

// Rules about the tree that the entries make together.
const (
	DuplicateEntry   Rule = "duplicate-entry"
	CaseCollision    Rule = "case-collision"    // one file on a case-insensitive file system
	UnicodeCollision Rule = "unicode-collision" // one file on a normalising file system
	TypeConflict     Rule = "type-conflict"     // both a file and a directory
	LinkEscapes      Rule = "link-escapes"
	ThroughLink      Rule = "through-link" // written through a symbolic link of the same archive
	HardLink         Rule = "hard-link"    // not to an earlier regular file of the archive
	SpecialFile      Rule = "special-file" // device, fifo, socket
	UnknownType      Rule = "unknown-type" // an entry that some readers skip and others extract
	Setuid           Rule = "setuid"
	DirWithData      Rule = "directory-with-data"
)

// Rules about the container, for every kind of archive.
const (
	Unreadable    Rule = "unreadable"
	Truncated     Rule = "truncated"
	BadCRC        Rule = "bad-crc"
	TrailingData  Rule = "trailing-data"
	PrependedData Rule = "prepended-data"
	Polyglot      Rule = "polyglot" // a second format in the same bytes
)

// Rules about gzip and tar.
const (
	GzipMembers      Rule = "multiple-gzip-members"
	GzipHeader       Rule = "gzip-header"
	BadChecksum      Rule = "bad-checksum"
	HeaderFormat     Rule = "header-format" // a field that readers parse differently
	PAXHeader        Rule = "pax-header"
	PAXOverride      Rule = "pax-override" // a record that changes what or where an entry is
	ConflictingNames Rule = "conflicting-names"
)

// Rules about zip.
const (
	SecondDirectory    Rule = "second-directory" // a further end record within reach of a searching reader
	EntryCount         Rule = "entry-count"
	Zip64Mismatch      Rule = "zip64-mismatch"
	LocalHeader        Rule = "local-header-mismatch"
	DataDescriptor     Rule = "data-descriptor"
	OverlappingEntries Rule = "overlapping-entries"
	HiddenData         Rule = "hidden-data" // bytes that belong to no entry
	Encrypted          Rule = "encrypted"
	UnknownFlag        Rule = "unknown-flag"
	UnknownVersion     Rule = "unknown-version"
	UnknownCompression Rule = "unknown-compression"
	ExtraField         Rule = "extra-field"
	UnicodePath        Rule = "unicode-path" // extra field 0x7075 with another name
	SizeMismatch       Rule = "size-mismatch"
	ZipLink            Rule = "link-in-zip" // a link for some readers, a file for others
	ParserDisagreement Rule = "parser-disagreement"
)

// Resource bounds. Reading stops at the first one.
const (
	TooManyEntries Rule = "too-many-entries"
	EntryTooLarge  Rule = "entry-too-large"
	TooLarge       Rule = "too-large"
	Ratio          Rule = "ratio"
	NameTooLong    Rule = "name-too-long"
	TooDeep        Rule = "too-deep"
	HeaderTooLarge Rule = "header-too-large"
	WantedTooLarge Rule = "wanted-too-large"
)

// Bound reports whether the rule is a resource bound rather than a rule about shape.
func (r Rule) Bound() bool {
	switch r {
	case TooManyEntries, EntryTooLarge, TooLarge, Ratio, NameTooLong, TooDeep, HeaderTooLarge, WantedTooLarge:
		return true
	}
	return false
}

// Anomaly is one thing in an archive that a strict reader does not accept.
type Anomaly struct {
	Rule Rule
	// Entry names the entry, when it is about one. It is printable ASCII:
	// whatever else the name holds is escaped as in a Go string, and a long
	// name is cut, so that it can stand in an answer or on a terminal.
	Entry string
	// Detail says what was seen, printable like Entry.
	Detail string
}

func (a Anomaly) String() string {
	s := string(a.Rule)
	if a.Entry != "" {
		s += ` "` + a.Entry + `"`
	}
	if a.Detail != "" {
		s += ": " + a.Detail
	}
	return s
}

// keptPerRule bounds the anomalies kept of each rule. It is a bound for each
// and not one for all, so that a flood of one rule cannot hide another.
const keptPerRule = 4

// printable makes a hostile name harmless to print.
func printable(name string) string {
	const longest = 200
	cut := len(name) > longest
	if cut {
		name = name[:longest]
	}
	q := strconv.QuoteToASCII(name)
	q = q[1 : len(q)-1]
	if cut {
		q += "..."
	}
	return q
}

func quoted(name string) string { return `"` + printable(name) + `"` }

// note collects an anomaly.
func (w *walk) note(rule Rule, entry, detail string, args ...any) {
	w.seen[rule]++
	if w.seen[rule] > keptPerRule {
		w.inv.Omitted++
		return
	}
	w.inv.Anomalies = append(w.inv.Anomalies, Anomaly{rule, printable(entry), fmt.Sprintf(detail, args...)})
}

// stop notes an anomaly after which there is nothing left to read, or to
// afford, and returns errStop.
func (w *walk) stop(rule Rule, entry, detail string, args ...any) error {
	w.note(rule, entry, detail, args...)
	return errStop
}
