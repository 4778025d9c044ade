package bonded

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
)

// The state of a package is committed in the log through the state map: each
// seal entry holds the root of a map from record keys to values. What the map
// holds for one package is computed here, from the folded state alone, so that
// anyone with the log computes the same root.

// Record is one leaf record of the state map.
type Record struct {
	Key   [16]byte // first 16 bytes of SHA-256 of the record's name
	Value Digest
}

// PackageRecord names the record of a package's whole state.
func PackageRecord(n Name) string { return "P " + n.String() }

// FileRecord names the record of one file.
func FileRecord(n Name, version, file string) string {
	return "R " + n.String() + " " + version + " " + file
}

// RecordKey places a record name in the map.
func RecordKey(name string) (k [16]byte) {
	sum := sha256.Sum256([]byte(name))
	copy(k[:], sum[:16])
	return k
}

func record(name, text string) Record {
	return Record{RecordKey(name), DigestOf([]byte(text))}
}

// Records returns the map records that entry e changed, read from the state
// after e: the package's own and, if e speaks of a version, one for each of
// its files.
func (p *Package) Records(e Entry) []Record {
	out := []Record{record(PackageRecord(p.Name), string(p.State()))}
	r := p.Release(e.Version)
	if e.Version == "" || r == nil || e.Type == SetTag {
		return out
	}
	for i := range r.Files {
		out = append(out, record(FileRecord(p.Name, r.Version, r.Files[i].Name), fileState(r, &r.Files[i])))
	}
	return out
}

// AllRecords returns every map record of the package, as a full re-fold needs them.
func (p *Package) AllRecords() []Record {
	out := []Record{record(PackageRecord(p.Name), string(p.State()))}
	for r := range p.Releases() {
		for i := range r.Files {
			out = append(out, record(FileRecord(p.Name, r.Version, r.Files[i].Name), fileState(r, &r.Files[i])))
		}
	}
	return out
}

// State is the canonical text of the package's state, bonded-state/v1: what
// concerns the whole package, then one digest for each chunk of releases.
// Lists grow by chunks, so that the text of a large package stays short.
func (p *Package) State() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "bonded-state/v1\npkg %s\n", p.Name)
	line := func(key, v string) {
		if v != "" {
			b.WriteString(key + " " + v + "\n")
		}
	}
	if !p.Claimed.IsZero() {
		line("name", p.Name.Display)
		line("claimed", strconv.FormatInt(p.Claimed.Unix(), 10))
	}
	line("owners", digestOrEmpty(p.Owners))
	line("status", p.Status)
	line("status-doc", digestOrEmpty(p.StatusDoc))
	for _, t := range p.Tags {
		fmt.Fprintf(&b, "tag %s %s %d\n", t.Name, t.Version, t.Index)
	}
	for _, c := range p.chunks {
		b.WriteString("chunk " + c.Digest.String() + "\n")
	}
	return []byte(b.String())
}

// ChunkState is the canonical text whose SHA-256 is the chunk's digest.
func ChunkState(releases []Release) []byte {
	var b strings.Builder
	for i := range releases {
		r := &releases[i]
		fmt.Fprintf(&b, "ver %s%s\n", r.Version, flags(r))
		for k := range r.Files {
			b.WriteString(fileLine(&r.Files[k]))
		}
	}
	return []byte(b.String())
}

func newChunk(releases []Release) *Chunk {
	return &Chunk{Releases: releases, Digest: DigestOf(ChunkState(releases))}
}

func fileState(r *Release, f *File) string {
	return "ver " + r.Version + flags(r) + "\n" + fileLine(f)
}

func fileLine(f *File) string {
	removed := ""
	if f.Removed {
		removed = " removed"
	}
	return fmt.Sprintf("file %s %s %d %s %d%s\n", f.Name, f.Digest, f.Size, f.Meta, f.Index, removed)
}

func flags(r *Release) string {
	s := ""
	if r.Yanked {
		s += " yanked"
		if !r.YankDoc.IsZero() {
			s += "=" + r.YankDoc.String()
		}
	}
	if !r.Deprecated.IsZero() {
		s += " deprecated=" + r.Deprecated.String()
	}
	return s
}

func digestOrEmpty(d Digest) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}
