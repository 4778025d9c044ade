// Package strongdigests looks for a strong digest beside every file.
package strongdigests

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

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
			got, known := sum(kind, s.Answer.Body)
			if known && got != want {
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

// sum computes a digest; known is false for kinds that are not computed here.
func sum(kind string, b []byte) (value string, known bool) {
	switch kind {
	case "sha256":
		s := sha256.Sum256(b)
		return hex.EncodeToString(s[:]), true
	case "sha384":
		s := sha512.Sum384(b)
		return hex.EncodeToString(s[:]), true
	case "sha512":
		s := sha512.Sum512(b)
		return hex.EncodeToString(s[:]), true
	case "h1":
		return audit.ModuleSum(b), true
	}
	return "", false
}
