package bonded

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
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

// PackageRecord names the record of a package's whole state. No part of a
// record's name holds a blank (see CheckWord), so two names never run together.
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

func record(name string, text []byte) Record {
	return Record{RecordKey(name), DigestOf(text)}
}

// Records returns the map records that entry e changed, read from the state
// after e: the package's own and, if e speaks of a version, one for each of
// its files.
func (p *Package) Records(e Entry) []Record {
	out := []Record{record(PackageRecord(p.Name), p.State())}
	if e.Version == "" || e.Type == SetTag {
		return out
	}
	if r := p.Release(e.Version); r != nil {
		out = p.addFileRecords(out, r)
	}
	return out
}

// AllRecords returns every map record of the package, as a full re-fold needs
// them; none for a package that no entry named.
func (p *Package) AllRecords() []Record {
	if p.Head == 0 {
		return nil
	}
	out := []Record{record(PackageRecord(p.Name), p.State())}
	for r := range p.Releases() {
		out = p.addFileRecords(out, r)
	}
	return out
}

func (p *Package) addFileRecords(out []Record, r *Release) []Record {
	for i := range r.Files {
		f := &r.Files[i]
		out = append(out, record(FileRecord(p.Name, r.Version, f.Name), FileState(r, f)))
	}
	return out
}

// State is the canonical text of the package's state, bonded-state/v1: what
// concerns the whole package, each with the log index that brought it, then one
// digest for each chunk of releases. Lists grow by chunks, so that the text of
// a large package stays short. No word in it holds a blank.
func (p *Package) State() []byte {
	b := append([]byte("bonded-state/v1\npkg "), p.Name.String()...)
	b = appendIndex(append(b, "\nnewest"...), p.Head-1)
	if p.ClaimIndex != 0 {
		b = appendIndex(append(b, "\nclaim"...), p.ClaimIndex)
		b = append(append(b, ' '), p.Name.Display...)
	}
	if p.OwnersIndex != 0 {
		b = appendIndex(append(b, "\nowners"...), p.OwnersIndex)
		b = strconv.AppendInt(append(b, ' '), int64(p.OwnerN), 10)
		b = appendDigest(append(b, ' '), p.Owners)
	}
	if p.PolicyIndex != 0 {
		b = appendIndex(append(b, "\npolicy"...), p.PolicyIndex)
		b = appendDigest(append(b, ' '), p.Policy)
	}
	if p.StatusIndex != 0 {
		b = appendIndex(append(b, "\nstatus"...), p.StatusIndex)
		b = append(append(b, ' '), p.Status...)
		if !p.StatusDoc.IsZero() {
			b = appendDigest(append(b, ' '), p.StatusDoc)
		}
	}
	for _, t := range p.Tags {
		b = appendIndex(append(b, "\ntag"...), t.Index)
		b = append(append(append(append(b, ' '), t.Name...), ' '), t.Version...)
	}
	for _, c := range p.chunks {
		b = appendDigest(append(b, "\nchunk "...), c.Digest())
	}
	return append(b, '\n')
}

// ChunkState is the canonical text whose SHA-256 is the chunk's digest.
func ChunkState(releases []Release) []byte {
	var b []byte
	for i := range releases {
		r := &releases[i]
		b = appendVersion(b, r)
		for k := range r.Files {
			b = appendFile(b, &r.Files[k])
		}
	}
	return b
}

// FileState is the canonical text of one file, whose SHA-256 its record holds.
func FileState(r *Release, f *File) []byte {
	return appendFile(appendVersion(nil, r), f)
}

func newChunk(releases []Release) *Chunk {
	return &Chunk{Releases: releases, names: namesIn(releases)}
}

func appendVersion(b []byte, r *Release) []byte {
	b = append(append(b, "ver "...), r.Version...)
	if r.Yanked {
		b = append(b, " yanked"...)
		if !r.YankDoc.IsZero() {
			b = appendDigest(append(b, '='), r.YankDoc)
		}
	}
	if !r.Deprecated.IsZero() {
		b = appendDigest(append(b, " deprecated="...), r.Deprecated)
	}
	return append(b, '\n')
}

func appendFile(b []byte, f *File) []byte {
	b = appendIndex(append(b, "file"...), f.Index)
	b = append(append(b, ' '), f.Name...)
	b = appendDigest(append(b, ' '), f.Digest)
	b = strconv.AppendInt(append(b, ' '), f.Size, 10)
	b = appendDigest(append(b, ' '), f.Meta)
	if f.Removed {
		b = append(b, " removed"...)
	}
	return append(b, '\n')
}

func appendIndex(b []byte, i uint64) []byte {
	return strconv.AppendUint(append(b, ' '), i, 10)
}

func appendDigest(b []byte, d Digest) []byte {
	return base64.StdEncoding.AppendEncode(b, d[:])
}
