package logwire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
	"bonded.dev/internal/statemap"
)

const (
	// MaxQueries is how many records one question may ask for.
	MaxQueries = 1000
	// MaxQuestion bounds a question, bytes.
	MaxQuestion = 1 << 20
	// MaxAnswer bounds an answer before it is encoded, bytes.
	MaxAnswer = 32 << 20
)

// Question is what a client asks of ProvePath, as a query
// ("?record=P+npm/left-pad&record=R+...&chunks=1", or for a single record
// "?name=npm/left-pad&version=1.0.0&file=left-pad-1.0.0.tgz") or as JSON.
type Question struct {
	// Records are names of map records: "P npm/left-pad" for the state of a
	// package, "R npm/left-pad 1.0.0 left-pad-1.0.0.tgz" for one file.
	Records []string `json:"records"`
	// Chunks asks for the texts of the chunks of releases too.
	Chunks bool `json:"chunks,omitempty"`
}

// Query is one record name taken apart. Version and File are empty when it is
// about the whole package.
type Query struct {
	Name    bonded.Name
	Version string
	File    string
}

// ReadQuestion reads a question. Errors are *bonded.Error of kind Invalid or TooLarge.
func ReadQuestion(r io.Reader) (Question, error) {
	var q Question
	b, err := io.ReadAll(io.LimitReader(r, MaxQuestion+1))
	if err != nil {
		return q, fmt.Errorf("read question: %w", err)
	}
	if len(b) > MaxQuestion {
		return q, bonded.Errorf(bonded.TooLarge, "a question may have %d bytes; ask for fewer records at once", MaxQuestion)
	}
	if err := json.Unmarshal(b, &q, json.RejectUnknownMembers(true)); err != nil {
		return q, &bonded.Error{Kind: bonded.Invalid, Public: `the question is not {"records": ["P npm/left-pad", ...]}`, Err: err}
	}
	return q, nil
}

// ParseQuestion reads a question from the query of a URL.
func ParseQuestion(query map[string][]string) (Question, error) {
	q := Question{Records: query["record"]}
	one := map[string]string{}
	for key, v := range query {
		switch key {
		case "record":
		case "chunks":
			q.Chunks = len(v) == 1 && v[0] == "1"
		case "name", "version", "file":
			if len(v) != 1 {
				return q, bonded.Errorf(bonded.Invalid, "%s stands %d times; ask for more than one by record=", key, len(v))
			}
			one[key] = v[0]
		default:
			return q, bonded.Errorf(bonded.Invalid, "%q is no part of a question; there are record, chunks, name, version and file", key)
		}
	}
	switch {
	case len(one) == 0:
		return q, nil
	case one["version"] == "" && one["file"] == "":
		q.Records = append(q.Records, "P "+one["name"])
	default:
		q.Records = append(q.Records, "R "+one["name"]+" "+one["version"]+" "+one["file"])
	}
	return q, nil
}

// Query writes the question as the query of a URL.
func (q Question) Query() string {
	v := url.Values{"record": q.Records}
	if q.Chunks {
		v.Set("chunks", "1")
	}
	return v.Encode()
}

// ParseQuery takes a record name apart.
func ParseQuery(record string) (Query, error) {
	part := strings.Split(record, " ")
	var q Query
	switch {
	case len(part) == 2 && part[0] == "P":
	case len(part) == 4 && part[0] == "R":
		q.Version, q.File = part[2], part[3]
	default:
		return q, bonded.Errorf(bonded.Invalid, `%q names no record; ask for "P ecosystem/name" or "R ecosystem/name version file"`, record)
	}
	eco, key, _ := strings.Cut(part[1], "/")
	q.Name = bonded.Name{Ecosystem: eco, Key: key, Display: key}
	if q.Record() != record || eco == "" || key == "" || part[0] == "R" && (q.Version == "" || q.File == "") {
		return q, bonded.Errorf(bonded.Invalid, "%q names no record", record)
	}
	return q, nil
}

// Record is the name of the map record that q asks for.
func (q Query) Record() string {
	if q.File == "" {
		return bonded.PackageRecord(q.Name)
	}
	return bonded.FileRecord(q.Name, q.Version, q.File)
}

// Answer proves records of the state map under one signed checkpoint. Whoever
// holds the log's key needs nothing else to check it.
type Answer struct {
	Checkpoint string   `json:"checkpoint"` // signed note
	Seal       Leaf     `json:"seal"`       // the last leaf, which states the map's root
	Records    []Record `json:"records"`    // in the order asked
}

// Leaf is an entry with the proof that the tree holds it at an index.
type Leaf struct {
	Index uint64           `json:"index"`
	Entry []byte           `json:"entry"`
	Path  tlog.RecordProof `json:"path"`
}

// Record is what the map holds for one name.
type Record struct {
	Name  string         `json:"record"`
	Proof statemap.Proof `json:"proof"`
	// State is the text whose SHA-256 is the record's value; absent with the record.
	State string `json:"state,omitempty"`
	// Chunks are the texts behind the "chunk" lines of a package's state.
	Chunks []string `json:"chunks,omitempty"`
	// Leaf is the entry that brought the file, or that claimed the name.
	Leaf *Leaf `json:"leaf,omitempty"`
}

// Proven is an answer that was checked.
type Proven struct {
	Checkpoint Checkpoint
	Seal       bonded.Entry
	Records    []Known
}

// Known is what a checked answer says of one record.
type Known struct {
	Query   Query
	Present bool
	State   string
	Chunks  []string
	Index   uint64        // of Entry
	Entry   *bonded.Entry // nil when the answer carries none
	Body    []byte        // of Entry, as in the log
}

// ReadAnswer reads the JSON of an answer.
func ReadAnswer(b []byte) (Answer, error) {
	var a Answer
	if err := json.Unmarshal(b, &a); err != nil {
		return a, fmt.Errorf("proof: %w", err)
	}
	return a, nil
}

// JSON is the encoding of an answer: same answer, same bytes.
func (a Answer) JSON() ([]byte, error) { return json.Marshal(a, json.Deterministic(true)) }

// Check verifies everything that the answer says against the log's key. asked
// are the record names of the question; an answer about others is refused. An
// error means that nothing was proven, in particular no absence.
func (a Answer) Check(log note.Verifier, asked []string) (Proven, error) {
	var p Proven
	var err error
	if p.Checkpoint, err = OpenCheckpoint([]byte(a.Checkpoint), log); err != nil {
		return Proven{}, fmt.Errorf("proof: %w", err)
	}
	if p.Seal, err = a.Seal.check(p.Checkpoint); err != nil {
		return Proven{}, fmt.Errorf("proof of the seal: %w", err)
	}
	switch s := p.Seal; {
	case s.Type != bonded.Seal || a.Seal.Index != p.Checkpoint.Size-1 || s.Leaves != a.Seal.Index:
		return Proven{}, errors.New("proof of the seal: not a seal over all before the checkpoint")
	case s.Rules != bonded.RulesVersion:
		return Proven{}, fmt.Errorf("proof of the seal: rules %q, only %q are known here", s.Rules, bonded.RulesVersion)
	case len(a.Records) != len(asked):
		return Proven{}, fmt.Errorf("proof: %d records for %d asked", len(a.Records), len(asked))
	}
	for i, r := range a.Records {
		if r.Name != asked[i] {
			return Proven{}, fmt.Errorf("proof: record %q, asked was %q", r.Name, asked[i])
		}
		k, err := r.check(p)
		if err != nil {
			return Proven{}, fmt.Errorf("proof of %q: %w", r.Name, err)
		}
		p.Records = append(p.Records, k)
	}
	return p, nil
}

func (l Leaf) check(c Checkpoint) (bonded.Entry, error) {
	if l.Index >= c.Size {
		return bonded.Entry{}, fmt.Errorf("entry %d of %d", l.Index, c.Size)
	}
	if err := tlog.CheckRecord(l.Path, int64(c.Size), tlog.Hash(c.Root), int64(l.Index), tlog.RecordHash(l.Entry)); err != nil {
		return bonded.Entry{}, fmt.Errorf("entry %d is not under the checkpoint: %w", l.Index, err)
	}
	return bonded.ParseEntry(l.Entry)
}

func (r Record) check(p Proven) (Known, error) {
	q, err := ParseQuery(r.Name)
	if err != nil {
		return Known{}, err
	}
	k := Known{Query: q, State: r.State, Chunks: r.Chunks}
	value, present, err := r.Proof.Check(p.Seal.Root, p.Seal.Bins, bonded.RecordKey(r.Name))
	if err != nil {
		return Known{}, err
	}
	if k.Present = present; !present {
		if r.State != "" || r.Chunks != nil || r.Leaf != nil {
			return Known{}, errors.New("says something about what is not there")
		}
		return k, nil
	}
	if bonded.DigestOf([]byte(r.State)) != value {
		return Known{}, errors.New("the text is not the one in the map")
	}
	if r.Chunks != nil && !chunksMatch(r.State, r.Chunks) {
		return Known{}, errors.New("the chunks are not those of the state")
	}
	if r.Leaf == nil {
		return k, nil
	}
	e, err := r.Leaf.check(p.Checkpoint)
	if err != nil {
		return Known{}, err
	}
	k.Index, k.Entry, k.Body = r.Leaf.Index, &e, r.Leaf.Entry
	if !k.belongs() {
		return Known{}, fmt.Errorf("entry %d is not the one that the text names", r.Leaf.Index)
	}
	return k, nil
}

// belongs reports whether the entry is the one that the state text names: its
// claim for a package, its release for a file.
func (k Known) belongs() bool {
	e := k.Entry
	if !e.Name.Same(k.Query.Name) {
		return false
	}
	if k.Query.File == "" {
		return e.Type == bonded.Claim && strings.Contains(k.State, fmt.Sprintf("\nclaim %d ", k.Index))
	}
	line := fmt.Sprintf("\nfile %d %s %s %d %s", k.Index, e.File, e.Digest, e.Size, e.Meta)
	return e.Type == bonded.Publish && e.Version == k.Query.Version && e.File == k.Query.File &&
		(strings.HasSuffix(k.State, line+"\n") || strings.HasSuffix(k.State, line+" removed\n"))
}

func chunksMatch(state string, chunks []string) bool {
	var want, got bytes.Buffer
	for line := range strings.Lines(state) {
		if strings.HasPrefix(line, "chunk ") {
			want.WriteString(line)
		}
	}
	for _, c := range chunks {
		got.WriteString("chunk " + bonded.DigestOf([]byte(c)).String() + "\n")
	}
	return bytes.Equal(want.Bytes(), got.Bytes())
}
