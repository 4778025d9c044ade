// Package strongdigests looks for a strong digest beside every file.
package strongdigests

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/dirhash"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe reads the digests of every file of the packages that are looked at, and
// holds some files against theirs.
var Probe audit.Probe = probe

// mostWeak is how many files without a strong digest are named.
const mostWeak = 3

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	files, weak := 0, 0
	var seen []audit.Evidence
	for _, p := range v.Packages {
		for _, r := range p.Releases {
			for _, f := range r.Files {
				files++
				if strong(f) {
					continue
				}
				if weak++; weak <= mostWeak {
					seen = append(seen, audit.Evidence{URL: p.Index.URL, Saw: fmt.Sprintf("%s: %s", f.Name, told(f))})
				}
			}
		}
	}
	switch {
	case files == 0:
		return audit.NoPackage()
	case weak == files && v.Kind() == "go":
		return audit.Say(audit.Unknown, "a module proxy tells no digests; clients ask a checksum database, which is somebody else's")
	case weak > 0:
		return audit.Say(audit.NotHeld, fmt.Sprintf("%d of %s without a digest of SHA-256 or better in the index", weak, audit.Count(files, "file")), seen...)
	}
	return fetched(ctx, v, files)
}

// fetched holds what was fetched against what the index says.
func fetched(ctx context.Context, v *audit.Visit, files int) (audit.Finding, error) {
	samples, err := v.Samples(ctx)
	if err != nil {
		return audit.Finding{}, err
	}
	var seen []audit.Evidence
	for _, s := range samples {
		for _, kind := range slices.Sorted(maps.Keys(s.File.Digests)) {
			want := s.File.Digests[kind]
			if got := sum(kind, s.Answer.Body); got != "" && got != want {
				return audit.Say(audit.NotHeld, s.File.Name+" is not the file whose digest stands in the index",
					audit.Evidence{URL: s.File.URL, Saw: fmt.Sprintf("%s %s; the index says %s", kind, got, want)})
			}
		}
		seen = append(seen, audit.Evidence{URL: s.File.URL, Saw: "has the digests that the index tells: " + told(s.File)})
	}
	return audit.Say(audit.Held, fmt.Sprintf(
		"each of %s that were looked at has a SHA-256 or better in the index; %d fetched, and they match", audit.Count(files, "file"), len(samples)), seen...)
}

func strong(f visit.File) bool {
	for kind := range f.Digests {
		switch kind {
		case "sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b_256", "h1":
			return true
		}
	}
	return false
}

// told names the digests that an index tells.
func told(f visit.File) string {
	var kinds []string
	for _, kind := range []string{"h1", "sha512", "sha384", "sha256", "sha3_512", "sha3_256", "blake2b_256", "sha1", "md5"} {
		if _, ok := f.Digests[kind]; ok {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) == 0 {
		return "no digest"
	}
	return strings.Join(kinds, ", ")
}

// sum computes a digest; "" for kinds that are not computed here.
func sum(kind string, b []byte) string {
	switch kind {
	case "sha256":
		s := sha256.Sum256(b)
		return hex.EncodeToString(s[:])
	case "sha384":
		s := sha512.Sum384(b)
		return hex.EncodeToString(s[:])
	case "sha512":
		s := sha512.Sum512(b)
		return hex.EncodeToString(s[:])
	case "h1":
		return moduleSum(b)
	}
	return ""
}

// moduleSum is what go.sum has for a module's zip file.
func moduleSum(b []byte) string {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return "none"
	}
	at, names := map[string]*zip.File{}, []string(nil)
	for _, f := range z.File {
		at[f.Name], names = f, append(names, f.Name)
	}
	h1, err := dirhash.Hash1(names, func(name string) (io.ReadCloser, error) { return at[name].Open() })
	if err != nil {
		return "none"
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h1, "h1:"))
	if err != nil {
		return "none"
	}
	return hex.EncodeToString(raw)
}
