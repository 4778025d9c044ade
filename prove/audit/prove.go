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
	query := url.Values{"name": {l.v.Kind() + "/" + p.Name}, "version": {r.Version}, "file": {f.Name}}
	ref := visit.Resolve(l.URL, "prove?"+query.Encode())
	res, err := l.v.Get(ctx, ref, "application/json")
	if err != nil {
		return "", e, err
	}
	e.URL = ref
	var told struct {
		Checkpoint string `json:"checkpoint"`
		Records    []struct {
			Leaf *leaf `json:"leaf"`
		} `json:"records"`
	}
	if !res.OK() || json.Unmarshal(res.Body, &told) != nil {
		e.Saw = fmt.Sprintf("answers %d, and no proof", res.Status)
		return "", e, ErrNoProof
	}
	if len(told.Records) != 1 || told.Records[0].Leaf == nil {
		e.Saw = "the log does not hold this file"
		return "", e, fmt.Errorf("%w: %s is in the index and not in the log", ErrLog, f.Name)
	}
	at := told.Records[0].Leaf
	if err := l.Covers([]byte(told.Checkpoint), at.Index, at.Entry, at.proof()); err != nil {
		e.Saw = "a proof that is not good"
		return "", e, err
	}
	fields := fieldsOf(at.Entry)
	raw, err := base64.StdEncoding.DecodeString(fields["sha256"])
	if err != nil || fields["pkg"] != query.Get("name") || fields["ver"] != r.Version || fields["file"] != f.Name {
		e.Saw = "a proof of an entry about something else"
		return "", e, fmt.Errorf("%w: the proof is of another entry", ErrLog)
	}
	e.Saw = fmt.Sprintf("entry %d, proven, states the SHA-256 of %s", at.Index, f.Name)
	return hex.EncodeToString(raw), e, nil
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
