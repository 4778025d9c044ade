package bonded

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// EntryType names what kind of fact an entry states.
type EntryType string

// The facts of bonded-log/v1. A type that starts with "x-" is ignored by every
// reader; any other unknown type stops it, because a fact that is not
// understood cannot be folded.
const (
	Genesis     EntryType = "genesis"     // first leaf of a log: its origin
	Site        EntryType = "site"        // the public URL that documents are rendered for
	Key         EntryType = "key"         // a registry key that clients of one ecosystem know
	Claim       EntryType = "name"        // a name is taken, for ever
	Owners      EntryType = "owners"      // the set of owners changed; who they are is in Doc
	Policy      EntryType = "policy"      // how the package may be published changed; how is in Doc
	Publish     EntryType = "release"     // a new file of a version
	SetTag      EntryType = "tag"         // a tag points to a version
	DropTag     EntryType = "untag"       // a tag is gone
	Yank        EntryType = "yank"        // resolvers should pass this version over
	Unyank      EntryType = "unyank"      //
	Deprecate   EntryType = "deprecate"   // clients print the message in Doc
	Undeprecate EntryType = "undeprecate" //
	Status      EntryType = "status"      // status of the whole package (PEP 792 words)
	Remove      EntryType = "remove"      // bytes are gone; the file name stays used for ever
	Override    EntryType = "override"    // two operators broke the glass; why is in Doc
	Seal        EntryType = "seal"        // root of the state map over all earlier entries
)

// Entry is one fact, one leaf of the log. Which fields a type carries, and in
// which order they are written, is the table shapes.
type Entry struct {
	Type EntryType
	// Time is the repository's claim, whole seconds, UTC. It is shown to people
	// and to clients; no rule about age ever reads it.
	Time time.Time

	Name    Name   // Display only in Claim
	Version string // as the ecosystem writes it
	File    string // file name of an artifact
	Digest  Digest // of the artifact
	Size    int64  // of the artifact, bytes
	Meta    Digest // of the document holding the metadata extracted from the artifact
	Sig     Signature
	Tag     string
	Doc     Digest // of a document that may be deleted: a message, a reason, a set of owners
	Count   int    // how many owners
	Status  string // active, archived, deprecated, quarantined

	Key    RegistryKey
	URL    string // with trailing slash
	Origin string // of this log

	Leaves uint64 // Seal: how many leaves the map covers: all before this one
	Root   Digest // Seal: root hash of the state map
	Bins   int    // Seal: the map has 2^Bins bins
	Rules  string // Seal: version of the fold
}

// Signature is made by the registry over a statement that an ecosystem's
// clients check by themselves, for example npm's "name@version:integrity".
type Signature struct {
	KeyID string
	Bytes []byte
}

// RegistryKey is a public key that an ecosystem's clients fetch from the registry.
type RegistryKey struct {
	Ecosystem string
	ID        string // for example SHA256:base64
	Public    []byte // SubjectPublicKeyInfo, DER (RFC 5280 section 4.1.2.7)
}

// RulesVersion names the fold and the state map that this code computes.
const RulesVersion = "p1"

// MaxEntry is the largest entry in bytes. The C2SP tlog-tiles bundles would
// take 65,535; facts are small and anything larger belongs in a document.
const MaxEntry = 4096

const entryHeader = "bonded-log/v1 "

// field writes and reads one line of an entry.
type field struct {
	key   string
	write func(*Entry) string // "" leaves an optional line out
	read  func(*Entry, string) error
}

// shape is the fixed order of lines of one type. A key with "?" is optional.
var shapes = map[EntryType]string{
	Genesis:     "time origin",
	Site:        "time url",
	Key:         "time key",
	Claim:       "time pkg name",
	Owners:      "time pkg doc count",
	Policy:      "time pkg doc",
	Publish:     "time pkg ver file sha256 size meta sig?",
	SetTag:      "time pkg tag ver",
	DropTag:     "time pkg tag",
	Yank:        "time pkg ver doc?",
	Unyank:      "time pkg ver",
	Deprecate:   "time pkg ver doc",
	Undeprecate: "time pkg ver",
	Status:      "time pkg status doc?",
	Remove:      "time pkg ver file",
	Override:    "time doc",
	Seal:        "leaves root bins rules",
}

var fields = map[string]field{
	"time":   {"time", func(e *Entry) string { return e.Time.UTC().Format(time.RFC3339) }, readTime},
	"pkg":    {"pkg", func(e *Entry) string { return e.Name.String() }, readPackage},
	"name":   text("name", func(e *Entry) *string { return &e.Name.Display }),
	"ver":    text("ver", func(e *Entry) *string { return &e.Version }),
	"file":   text("file", func(e *Entry) *string { return &e.File }),
	"tag":    text("tag", func(e *Entry) *string { return &e.Tag }),
	"status": text("status", func(e *Entry) *string { return &e.Status }, isStatus),
	"url":    text("url", func(e *Entry) *string { return &e.URL }, isSite),
	"origin": text("origin", func(e *Entry) *string { return &e.Origin }, isOrigin),
	"rules":  text("rules", func(e *Entry) *string { return &e.Rules }),
	"sha256": digest("sha256", func(e *Entry) *Digest { return &e.Digest }),
	"meta":   digest("meta", func(e *Entry) *Digest { return &e.Meta }),
	"doc":    digest("doc", func(e *Entry) *Digest { return &e.Doc }),
	"root":   digest("root", func(e *Entry) *Digest { return &e.Root }),
	"size":   number("size", func(e *Entry) int64 { return e.Size }, func(e *Entry, n int64) { e.Size = n }),
	"count":  number("count", func(e *Entry) int64 { return int64(e.Count) }, func(e *Entry, n int64) { e.Count = int(n) }),
	"leaves": number("leaves", func(e *Entry) int64 { return int64(e.Leaves) }, func(e *Entry, n int64) { e.Leaves = uint64(n) }),
	"bins":   number("bins", func(e *Entry) int64 { return int64(e.Bins) }, func(e *Entry, n int64) { e.Bins = int(n) }),
	"sig":    {"sig", writeSig, readSig},
	"key":    {"key", writeKey, readKey},
}

// Marshal writes the canonical bytes of e, which are the leaf of the log.
func (e Entry) Marshal() ([]byte, error) {
	shape, ok := shapes[e.Type]
	if !ok {
		return nil, fmt.Errorf("entry: unknown type %q", e.Type)
	}
	var b bytes.Buffer
	b.WriteString(entryHeader + string(e.Type) + "\n")
	for key := range strings.FieldsSeq(shape) {
		key, optional := strings.CutSuffix(key, "?")
		v := fields[key].write(&e)
		if v == "" && optional {
			continue
		}
		if err := checkValue(v); err != nil {
			return nil, fmt.Errorf("entry %s: line %q: %w", e.Type, key, err)
		}
		b.WriteString(key + " " + v + "\n")
	}
	// Reading it back is the proof that it is canonical and whole: what was
	// folded here from e must be what every reader folds from the bytes.
	back, err := ParseEntry(b.Bytes())
	if err != nil {
		return nil, err
	}
	if lost := e.lost(back); lost != "" {
		return nil, fmt.Errorf("entry %s: %s would be lost or changed in the log", e.Type, lost)
	}
	return b.Bytes(), nil
}

// lost names a field of e that differs from what a reader gets. The display
// form of a name is carried by Claim alone and ignored elsewhere.
func (e Entry) lost(back Entry) string {
	if e.Type != Claim {
		e.Name.Display = back.Name.Display
	}
	if e.Time.Equal(back.Time) && e.Time.Location() == time.UTC {
		e.Time = back.Time
	}
	was, is := reflect.ValueOf(e), reflect.ValueOf(back)
	for i := range was.NumField() {
		if !reflect.DeepEqual(was.Field(i).Interface(), is.Field(i).Interface()) {
			return was.Type().Field(i).Name
		}
	}
	return ""
}

// ErrIgnored is returned for an entry whose type is "x-" and a word of lower-case
// letters, digits and hyphens: readers count the leaf and go on.
var ErrIgnored = errors.New("entry: experimental type, ignored")

// ParseEntry reads the bytes of one leaf. It accepts exactly what Marshal
// writes: the same lines in the same order with the same spelling.
func ParseEntry(b []byte) (Entry, error) {
	var e Entry
	if len(b) > MaxEntry {
		return e, fmt.Errorf("entry: %d bytes, more than %d", len(b), MaxEntry)
	}
	body, ok := strings.CutPrefix(string(b), entryHeader)
	if !ok || !strings.HasSuffix(body, "\n") {
		return e, errors.New("entry: not bonded-log/v1 text")
	}
	lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	e.Type = EntryType(lines[0])
	shape, ok := shapes[e.Type]
	if x, found := strings.CutPrefix(lines[0], "x-"); !ok && found && isID(x) {
		return e, ErrIgnored
	}
	if !ok {
		return e, fmt.Errorf("entry: unknown type %q", lines[0])
	}
	return e, e.readLines(shape, lines[1:])
}

func (e *Entry) readLines(shape string, lines []string) error {
	for key := range strings.FieldsSeq(shape) {
		key, optional := strings.CutSuffix(key, "?")
		if len(lines) == 0 && !optional {
			return fmt.Errorf("entry %s: line %q is missing", e.Type, key)
		}
		if len(lines) == 0 {
			continue
		}
		v, ok := strings.CutPrefix(lines[0], key+" ")
		if !ok && optional {
			continue
		}
		if !ok {
			return fmt.Errorf("entry %s: want line %q, got %q", e.Type, key, lines[0])
		}
		if err := checkValue(v); err != nil {
			return fmt.Errorf("entry %s: line %q: %w", e.Type, key, err)
		}
		if err := fields[key].read(e, v); err != nil {
			return fmt.Errorf("entry %s: line %q: %w", e.Type, key, err)
		}
		if again := fields[key].write(e); again != v {
			return fmt.Errorf("entry %s: line %q: %q is not canonical, %q is", e.Type, key, v, again)
		}
		lines = lines[1:]
	}
	if len(lines) != 0 {
		return fmt.Errorf("entry %s: line %q does not belong here", e.Type, lines[0])
	}
	return nil
}

// checkValue keeps lines apart and keeps what a person sees equal to what is
// there: printable ASCII, so that no two values look alike and no reader needs
// a table of Unicode, whose next edition would tell readers apart.
func checkValue(v string) error {
	if v == "" {
		return errors.New("empty")
	}
	if v[0] == ' ' || v[len(v)-1] == ' ' {
		return errors.New("starts or ends with a blank")
	}
	for _, r := range v {
		if r < ' ' || r > '~' {
			return fmt.Errorf("holds the character %U; only printable ASCII is logged", r)
		}
	}
	return nil
}

// CheckWord reports why the log cannot hold v as a name, version, file name or
// tag: these are printable ASCII without blanks, so that lines and record names
// made of several of them can be taken apart again. Adapters refuse such
// values with words of their own.
func CheckWord(v string) error {
	if err := checkValue(v); err != nil {
		return err
	}
	if strings.Contains(v, " ") {
		return errors.New("holds a blank")
	}
	return nil
}

// isID reports whether v is a word of lower-case letters, digits and hyphens.
func isID(v string) bool {
	return v != "" && strings.Trim(v, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// text is a line that holds one word; more may be asked of it.
func text(key string, at func(*Entry) *string, more ...func(string) error) field {
	return field{key, func(e *Entry) string { return *at(e) }, func(e *Entry, v string) error {
		if err := CheckWord(v); err != nil {
			return err
		}
		for _, check := range more {
			if err := check(v); err != nil {
				return err
			}
		}
		*at(e) = v
		return nil
	}}
}

func isStatus(v string) error {
	switch v {
	case "active", "archived", "deprecated", "quarantined":
		return nil
	}
	return fmt.Errorf("%q is not a status (PEP 792)", v)
}

func isSite(v string) error {
	if !strings.HasPrefix(v, "https://") && !strings.HasPrefix(v, "http://") || !strings.HasSuffix(v, "/") {
		return fmt.Errorf("%q is not an http URL with a slash at its end", v)
	}
	return nil
}

// isOrigin keeps to the key names of signed notes (C2SP signed-note).
func isOrigin(v string) error {
	if strings.Contains(v, "+") {
		return fmt.Errorf("%q holds a plus sign", v)
	}
	return nil
}

func digest(key string, at func(*Entry) *Digest) field {
	write := func(e *Entry) string {
		if at(e).IsZero() {
			return ""
		}
		return at(e).String()
	}
	return field{key, write, func(e *Entry, v string) (err error) { *at(e), err = ParseDigest(v); return err }}
}

func number(key string, get func(*Entry) int64, set func(*Entry, int64)) field {
	return field{key, func(e *Entry) string { return strconv.FormatInt(get(e), 10) }, func(e *Entry, v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is not a count", v)
		}
		set(e, n)
		return nil
	}}
}

// readTime takes the years 1970 to 9999.
func readTime(e *Entry, v string) (err error) {
	if e.Time, err = time.Parse(time.RFC3339, v); err != nil || e.Time.Unix() < 0 {
		return fmt.Errorf("%q is not a time (RFC 3339, UTC, whole seconds, since 1970)", v)
	}
	e.Time = e.Time.UTC()
	return nil
}

func readPackage(e *Entry, v string) error {
	eco, key, ok := strings.Cut(v, "/")
	if !ok || !isID(eco) {
		return fmt.Errorf("%q is not ecosystem/name", v)
	}
	if err := CheckWord(key); err != nil {
		return err
	}
	e.Name = Name{Ecosystem: eco, Key: key, Display: key}
	return nil
}

func writeSig(e *Entry) string {
	if e.Sig.KeyID == "" {
		return ""
	}
	return e.Sig.KeyID + " " + base64.StdEncoding.EncodeToString(e.Sig.Bytes)
}

func readSig(e *Entry, v string) (err error) {
	id, sig, ok := strings.Cut(v, " ")
	if !ok || id == "" || sig == "" {
		return fmt.Errorf("%q is not key id and signature", v)
	}
	e.Sig.KeyID = id
	e.Sig.Bytes, err = base64.StdEncoding.Strict().DecodeString(sig)
	return err
}

func writeKey(e *Entry) string {
	return e.Key.Ecosystem + " " + e.Key.ID + " " + base64.StdEncoding.EncodeToString(e.Key.Public)
}

func readKey(e *Entry, v string) (err error) {
	part := strings.Split(v, " ")
	if len(part) != 3 || !isID(part[0]) || part[1] == "" || part[2] == "" {
		return fmt.Errorf("%q is not ecosystem, id, key", v)
	}
	e.Key = RegistryKey{Ecosystem: part[0], ID: part[1]}
	e.Key.Public, err = base64.StdEncoding.Strict().DecodeString(part[2])
	return err
}
