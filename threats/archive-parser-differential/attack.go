// Package archiveparserdifferential publishes archives that mean one thing to
// the scanner and another to the installer.
package archiveparserdifferential

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "two entries of one name", Kinds: []string{"npm", "pypi", "cargo"}, Play: members(file("package/twin.txt", "a"), file("package/twin.txt", "b"))},
	{Name: "two names that differ in case alone", Kinds: []string{"npm", "pypi", "cargo"}, Play: members(file("package/twin.txt", "a"), file("package/TWIN.txt", "b"))},
	{Name: "two manifests", Kinds: []string{"npm"}, Play: manifests},
	{Name: "a zip with another name in the local header", Kinds: []string{"pypi"}, Play: mangled("wheel", localName)},
	{Name: "a zip with bytes before it", Kinds: []string{"pypi"}, Play: mangled("wheel", before)},
	{Name: "a zip with a second zip behind it", Kinds: []string{"pypi"}, Play: mangled("wheel", twoZips)},
	{Name: "a second gzip stream behind the first", Kinds: []string{"npm", "pypi"}, Play: mangled("sdist", twoStreams)},
	{Name: "an archive that ends in the middle", Play: mangled("", func(b []byte) []byte { return b[:len(b)/2] })},
	{Name: "a file that RECORD does not list", Kinds: []string{"pypi"}, Play: mangled("wheel", unlisted)},
}

func file(name, body string) visit.Member { return visit.Member{Name: name, Body: []byte(body)} }

func members(list ...visit.Member) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		return publish(ctx, s, visit.Upload{Name: s.Name("twofold"), Version: "1.0.0", Members: list})
	}
}

func mangled(form string, mangle func([]byte) []byte) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		return publish(ctx, s, visit.Upload{Name: s.Name("twofold"), Version: "1.0.0", Form: form, Mangle: mangle})
	}
}

// manifests is the case that also shows to whoever compares request and
// archive: the second manifest, which is the one on the disk, says more.
func manifests(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("twofold")
	text, err := json.Marshal(map[string]any{"name": name, "version": "1.0.0", "scripts": map[string]string{"postinstall": "echo drill"}})
	if err != nil {
		return drill.Result{}, err
	}
	return publish(ctx, s, visit.Upload{Name: name, Version: "1.0.0", Members: []visit.Member{{Name: "package/package.json", Body: text}}})
}

// publish sends an archive of two meanings. That it can be had is the harm.
func publish(ctx context.Context, s *drill.Scene, up visit.Upload) (drill.Result, error) {
	var sent []byte
	mangle := up.Mangle
	up.Mangle = func(b []byte) []byte {
		sent = b
		if mangle != nil {
			sent = mangle(b)
		}
		return sent
	}
	a, err := s.Attempt(ctx, drill.Owner, up)
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, up.Name, up.Version)
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) == 0 {
		return drill.Stopped("%s", a)
	}
	if !bytes.Equal(got[0].Body, sent) {
		return drill.Result{}, fmt.Errorf("%s is served with other bytes than were sent; what it means to two readers was not looked at", got[0].Name)
	}
	return drill.Harmed("%s is served, and two readers unpack two different packages from it", got[0].Name)
}

var (
	localHeader = []byte("PK\x03\x04")
	gzipHeader  = []byte{0x1f, 0x8b}
)

// localName changes the first entry's name where it stands before the content,
// and leaves it in the directory at the end.
func localName(b []byte) []byte {
	const nameAt = 30 // bytes of a local header before the name
	b = bytes.Clone(b)
	if at := bytes.Index(b, localHeader); at >= 0 && at+nameAt < len(b) {
		b[at+nameAt] ^= 1
	}
	return b
}

func before(b []byte) []byte {
	return append([]byte("#!/bin/false\n"), b...)
}

// twoZips hides a zip between the real one and its end: readers that search
// from the front and from the back find different ones.
func twoZips(b []byte) []byte {
	other, err := visit.Zip(file("drill_other.py", "other"))
	if err != nil {
		panic(err) // one honest member; the drill reports a panic as its own
	}
	return append(bytes.Clone(b), other...)
}

func twoStreams(b []byte) []byte {
	if !bytes.HasPrefix(b, gzipHeader) {
		return b
	}
	other, err := visit.TarGz(file("package/other.txt", "other"))
	if err != nil {
		panic(err)
	}
	return append(bytes.Clone(b), other...)
}

// unlisted packs the wheel again with one more file, and lets RECORD be.
func unlisted(b []byte) []byte {
	inside, err := drill.Unpack(b)
	if err != nil {
		panic(err)
	}
	out, err := visit.Zip(append([]visit.Member{file(beside(inside), "inert = True\n")}, inside...)...)
	if err != nil {
		panic(err)
	}
	return out
}

func beside(inside []visit.Member) string {
	for _, m := range inside {
		if dir, _, ok := strings.Cut(m.Name, "/"); ok && !strings.HasSuffix(dir, ".dist-info") {
			return dir + "/drill_unlisted.py"
		}
	}
	return "drill_unlisted.py"
}
