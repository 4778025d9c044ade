package audit

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev/prove/visit"
)

// ErrNoProof says that a log offers no proof about a file, which is not the
// same as a wrong one.
var ErrNoProof = errors.New("the log offers no proof about a file")

// Recorded asks the log for a proof that it holds a file, and returns the
// SHA-256, lower-case hex, that the proven entry states. The question and the
// entry are in the form that docs/formats/log.md describes: there is no common
// one yet.
func (l *Log) Recorded(ctx context.Context, p *visit.Package, r *visit.Release, f visit.File) (sum string, e Evidence, err error) {
	pkg, version := l.v.Kind()+"/"+p.Name, r.Version
	told, e, err := l.ask(ctx, url.Values{"name": {pkg}, "version": {version}, "file": {f.Name}})
	if err != nil {
		return "", e, err
	}
	if told.leaf() == nil {
		// A log may write versions in another form than the index does.
		if version, err = l.versionOf(ctx, pkg, f.Name); err != nil {
			return "", e, err
		}
		if told, e, err = l.ask(ctx, url.Values{"name": {pkg}, "version": {version}, "file": {f.Name}}); err != nil {
			return "", e, err
		}
	}
	at := told.leaf()
	if at == nil {
		e.Saw = "the log does not hold this file"
		return "", e, fmt.Errorf("%w: %s is in the index and not in the log", ErrLog, f.Name)
	}
	if err := l.Covers([]byte(told.Checkpoint), at.Index, at.Entry, at.proof()); err != nil {
		e.Saw = "a proof that is not good"
		return "", e, err
	}
	fields := fieldsOf(at.Entry)
	raw, err := base64.StdEncoding.DecodeString(fields["sha256"])
	if err != nil || fields["pkg"] != pkg || fields["ver"] != version || fields["file"] != f.Name {
		e.Saw = "a proof of an entry about something else"
		return "", e, fmt.Errorf("%w: the proof is of another entry", ErrLog)
	}
	e.Saw = fmt.Sprintf("entry %d, proven, states the SHA-256 of %s", at.Index, f.Name)
	return hex.EncodeToString(raw), e, nil
}

// proofs is an answer to a question for proofs, as far as it is read.
type proofs struct {
	Checkpoint string `json:"checkpoint"`
	Records    []struct {
		Leaf   *leaf    `json:"leaf"`
		Chunks []string `json:"chunks"`
	} `json:"records"`
}

func (p *proofs) leaf() *leaf {
	if len(p.Records) != 1 {
		return nil
	}
	return p.Records[0].Leaf
}

func (l *Log) ask(ctx context.Context, query url.Values) (told *proofs, e Evidence, err error) {
	e.URL = visit.Resolve(l.URL, "prove?"+query.Encode())
	res, err := l.v.Get(ctx, e.URL, "application/json")
	if err != nil {
		return nil, e, err
	}
	told = &proofs{}
	if !res.OK() || json.Unmarshal(res.Body, told) != nil {
		e.Saw = fmt.Sprintf("answers %d, and no proof", res.Status)
		return nil, e, ErrNoProof
	}
	return told, e, nil
}

// versionOf is how the log writes the version that a file belongs to; "" when it
// knows none. It is a hint: the proof is asked for and checked afterwards.
func (l *Log) versionOf(ctx context.Context, pkg, file string) (string, error) {
	told, _, err := l.ask(ctx, url.Values{"name": {pkg}, "chunks": {"1"}})
	if err != nil || len(told.Records) != 1 {
		return "", err
	}
	version := ""
	for _, chunk := range told.Records[0].Chunks {
		for line := range strings.Lines(chunk) {
			switch f := strings.Fields(line); {
			case len(f) > 1 && f[0] == "ver":
				version = f[1]
			case len(f) > 2 && f[0] == "file" && f[2] == file:
				return version, nil
			}
		}
	}
	return "", nil
}

type leaf struct {
	Index int64    `json:"index"`
	Entry []byte   `json:"entry"`
	Path  [][]byte `json:"path"`
}

func (l *leaf) proof() (p tlog.RecordProof) {
	for _, b := range l.Path {
		var h tlog.Hash
		if copy(h[:], b) != len(h) {
			return nil
		}
		p = append(p, h)
	}
	return p
}

// fieldsOf reads the lines of an entry.
func fieldsOf(entry []byte) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(string(entry)) {
		if key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok {
			out[key] = value
		}
	}
	return out
}
