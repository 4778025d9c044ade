// Package verificationfailopen takes away, breaks or withholds the proof that
// somebody would check.
package verificationfailopen

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. All but the last are against the client that verifies
// the log; that one is against the intake.
var Attacks = []drill.Attack{
	{Name: "the log's signed head is absent", Play: proof(checkpoint, status(404))},
	{Name: "it is empty", Play: proof(checkpoint, body(func([]byte) []byte { return nil }))},
	{Name: "it is cut short", Play: proof(checkpoint, body(func(b []byte) []byte { return b[:len(b)/2] }))},
	{Name: "its signature is for other bytes", Play: proof(checkpoint, body(otherRoot))},
	{Name: "its signature is somebody else's", Play: proof(checkpoint, body(otherKey))},
	{Name: "the log does not answer", Play: proof("/log/", status(503))},
	{Name: "the log's tiles are absent", Play: proof("/log/tile/", status(404))},
	{Name: "a hash in a tile is another", Play: proof("/log/tile/0/", body(flip))},
	{Name: "the proof of a record is another", Play: proof("/log/prove", body(flip))},
	{Name: "a gate's own check crashes", Play: gate},
}

const checkpoint = "/log/checkpoint"

type change func(visit.Response) visit.Response

func status(code int) change {
	return func(r visit.Response) visit.Response {
		r.Status, r.Reason, r.Body = code, "", []byte("not now\n")
		return r
	}
}

func body(f func([]byte) []byte) change {
	return func(r visit.Response) visit.Response {
		r.Body = f(bytes.Clone(r.Body))
		return r
	}
}

// flip changes one bit in the middle.
func flip(b []byte) []byte {
	if len(b) > 0 {
		b[len(b)/2] ^= 1
	}
	return b
}

// otherRoot changes the statement and leaves the signature: the third line of a
// checkpoint is the root.
func otherRoot(b []byte) []byte {
	lines := bytes.SplitAfter(b, []byte("\n"))
	if len(lines) > 2 && len(lines[2]) > 1 {
		lines[2][0] ^= 1
	}
	return bytes.Join(lines, nil)
}

// otherKey gives the signature to a key of another name.
func otherKey(b []byte) []byte {
	return bytes.ReplaceAll(b, []byte("\u2014 "), []byte("\u2014 drill."))
}

// proof changes what stands below a path, and hands the result to a client that
// verifies. There is harm when it does not mind.
func proof(path string, do change) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: s.Name("proved"), Version: "1.0.0", Canary: "genuine"}); err != nil {
			return drill.Result{}, err
		}
		if err := s.Verify(ctx, s.Site.Base); errors.Is(err, drill.ErrNeeds) {
			return drill.Result{}, err
		}
		return s.Deceive(ctx, func(asked string, r visit.Response) visit.Response {
			if strings.HasPrefix(asked, path) {
				return do(r)
			}
			return r
		}, func(context.Context, *visit.Site) (string, error) {
			return "whoever relies on the log is told nothing and proves nothing", nil
		})
	}
}

const mark = "drill-verification-crash"

func gate(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	if err := s.Scanner(ctx, mark); err != nil {
		return drill.Result{}, err
	}
	name := s.Name("unchecked")
	a, err := s.Attempt(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Inside: visit.Manifest{Description: mark}})
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, name, "1.0.0")
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) > 0 {
		return drill.Harmed("%s 1.0.0 is installed although its check crashed", name)
	}
	return drill.Stopped("%s", a)
}
