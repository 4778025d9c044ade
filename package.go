package bonded

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

// Package is what the log says of one package: the sum of its entries.
// A Package never changes after it was returned; Apply makes a new one that
// shares what did not change, so readers need no lock and a history of 10,000
// releases costs no more to extend than one of ten.
type Package struct {
	Name      Name
	Claimed   time.Time // zero: nobody ever took the name
	Owners    Digest    // document naming the owners
	OwnerN    int
	Status    string // "" means active
	StatusDoc Digest // reason
	Policy    Digest // document saying how it may be published; zero: nothing is asked for
	Tags      []Tag  // sorted by name
	Modified  time.Time
	Head      uint64 // index of the newest entry applied, plus one; 0: none
	// The log indexes of the entries that claimed the name and that set owners,
	// policy and status; 0: none did, for a log starts with its genesis. Age is counted
	// by index, never by the times above.
	ClaimIndex  uint64
	OwnersIndex uint64
	StatusIndex uint64
	PolicyIndex uint64
	chunks      []*Chunk
}

// Tag points a name at a version, as npm dist-tags do.
type Tag struct {
	Name    string
	Version string
	Index   uint64
}

// Release is one version of a package.
type Release struct {
	Version    string
	Time       time.Time // of its first file
	Files      []File    // in the order they arrived
	Yanked     bool
	YankDoc    Digest // reason, may be absent
	Deprecated Digest // document holding the message; zero: not deprecated
	Changed    uint64 // index of the newest entry about this release, plus one
}

// File is one artifact of a release. Its name and digest never change.
type File struct {
	Name    string
	Digest  Digest
	Size    int64
	Meta    Digest
	Sig     Signature
	Index   uint64 // of the entry that brought it
	Time    time.Time
	Removed bool // the bytes are gone; the name stays used
}

// Live reports whether any file of the release can still be had.
func (r *Release) Live() bool {
	return slices.ContainsFunc(r.Files, func(f File) bool { return !f.Removed })
}

// ChunkSize is how many releases make a chunk. Documents are assembled from
// one part per full chunk, so that a new version renders and compresses only
// its own part. It belongs to the rules version: the state digest depends on it.
const ChunkSize = 64

// Chunk is a run of at most ChunkSize releases in the order they first appeared.
type Chunk struct {
	Releases []Release
	names    []uint32 // sorted hashes of the versions and file names inside
	once     sync.Once
	digest   Digest
}

// Digest is the SHA-256 of the canonical text of these releases. It is computed
// when it is first asked for: adding up a long history makes many chunks that
// only the next release looks at.
func (c *Chunk) Digest() Digest {
	c.once.Do(func() { c.digest = DigestOf(ChunkState(c.Releases)) })
	return c.digest
}

// Full reports whether no further release will join the chunk.
func (c *Chunk) Full() bool { return len(c.Releases) == ChunkSize }

// Chunks returns the releases in runs. The result must not be changed.
func (p *Package) Chunks() []*Chunk { return p.chunks }

// Releases walks over every release in the order of first appearance.
func (p *Package) Releases() iter.Seq[*Release] {
	return func(yield func(*Release) bool) {
		for _, c := range p.chunks {
			for i := range c.Releases {
				if !yield(&c.Releases[i]) {
					return
				}
			}
		}
	}
}

// Release finds a version by its exact spelling; nil when there never was one.
func (p *Package) Release(version string) *Release {
	h := nameHash('v', version)
	for _, c := range p.chunks {
		if !c.mayHold(h) {
			continue
		}
		for i := range c.Releases {
			if c.Releases[i].Version == version {
				return &c.Releases[i]
			}
		}
	}
	return nil
}

// File finds a file by name in any release, removed ones included.
func (p *Package) File(name string) (*Release, *File) {
	h := nameHash('f', name)
	for _, c := range p.chunks {
		if !c.mayHold(h) {
			continue
		}
		for i := range c.Releases {
			r := &c.Releases[i]
			for k := range r.Files {
				if r.Files[k].Name == name {
					return r, &r.Files[k]
				}
			}
		}
	}
	return nil, nil
}

// namesIn lists the hashes of what a chunk holds, so that a look-up in a long
// history passes over a chunk in a few nanoseconds.
func namesIn(releases []Release) []uint32 {
	var out []uint32
	for i := range releases {
		out = append(out, nameHash('v', releases[i].Version))
		for k := range releases[i].Files {
			out = append(out, nameHash('f', releases[i].Files[k].Name))
		}
	}
	slices.Sort(out)
	return out
}

func (c *Chunk) mayHold(h uint32) bool {
	_, found := slices.BinarySearch(c.names, h)
	return found
}

// nameHash is FNV-1a. Names made to collide cost a look into their chunk.
func nameHash(kind byte, name string) uint32 {
	h := (2166136261 ^ uint32(kind)) * 16777619
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return h
}

// Tag returns the version a tag points to.
func (p *Package) Tag(name string) (version string, ok bool) {
	for _, t := range p.Tags {
		if t.Name == name {
			return t.Version, true
		}
	}
	return "", false
}

// Live reports whether any release of the package can still be installed.
func (p *Package) Live() bool {
	for r := range p.Releases() {
		if r.Live() {
			return true
		}
	}
	return false
}

// Fold adds up a whole history. entries holds log index and fact in log order.
func Fold(name Name, entries iter.Seq2[uint64, Entry]) (*Package, error) {
	p := &Package{Name: name}
	for i, e := range entries {
		next, err := p.Apply(i, e)
		if err != nil {
			return nil, err
		}
		p = next
	}
	return p, nil
}

// Apply adds the fact at log index i. Facts about other packages change
// nothing. Facts that an earlier one already settled move Head and Modified
// alone: the first entry for a file name wins for ever.
func (p *Package) Apply(i uint64, e Entry) (*Package, error) {
	if !e.Name.Same(p.Name) {
		return p, nil
	}
	if i < p.Head {
		return nil, fmt.Errorf("fold %s: entry %d after entry %d", p.Name, i, p.Head-1)
	}
	n := *p
	n.Head, n.Modified = i+1, e.Time
	switch e.Type {
	case Claim:
		if n.ClaimIndex == 0 {
			n.Claimed, n.ClaimIndex, n.Name = e.Time, i, e.Name
		}
	case Owners:
		n.Owners, n.OwnerN, n.OwnersIndex = e.Doc, e.Count, i
	case Policy:
		n.Policy, n.PolicyIndex = e.Doc, i
	case Status:
		n.Status, n.StatusDoc, n.StatusIndex = e.Status, e.Doc, i
	case SetTag:
		n.setTag(Tag{e.Tag, e.Version, i})
	case DropTag:
		n.Tags = slices.DeleteFunc(slices.Clone(n.Tags), func(t Tag) bool { return t.Name == e.Tag })
	case Publish:
		n.addFile(i, e)
	case Yank, Unyank, Deprecate, Undeprecate, Remove:
		n.change(i, e)
	default:
		return nil, fmt.Errorf("fold %s: no rule for %q", p.Name, e.Type)
	}
	return &n, nil
}

func (p *Package) setTag(t Tag) {
	p.Tags = slices.Clone(p.Tags)
	at, found := slices.BinarySearchFunc(p.Tags, t, func(a, b Tag) int { return strings.Compare(a.Name, b.Name) })
	if found {
		p.Tags[at] = t
		return
	}
	p.Tags = slices.Insert(p.Tags, at, t)
}

func (p *Package) addFile(i uint64, e Entry) {
	if _, used := p.File(e.File); used != nil {
		return
	}
	f := File{Name: e.File, Digest: e.Digest, Size: e.Size, Meta: e.Meta, Sig: e.Sig, Index: i, Time: e.Time}
	if p.Release(e.Version) != nil {
		p.edit(i, e.Version, func(r *Release) { r.Files = append(slices.Clone(r.Files), f) })
		return
	}
	r := Release{Version: e.Version, Time: e.Time, Files: []File{f}, Changed: i + 1}
	p.chunks = slices.Clone(p.chunks)
	last := len(p.chunks) - 1
	if last < 0 || p.chunks[last].Full() {
		p.chunks = append(p.chunks, newChunk([]Release{r}))
		return
	}
	p.chunks[last] = newChunk(append(slices.Clone(p.chunks[last].Releases), r))
}

func (p *Package) change(i uint64, e Entry) {
	p.edit(i, e.Version, func(r *Release) {
		switch e.Type {
		case Yank:
			r.Yanked, r.YankDoc = true, e.Doc
		case Unyank:
			r.Yanked, r.YankDoc = false, Digest{}
		case Deprecate:
			r.Deprecated = e.Doc
		case Undeprecate:
			r.Deprecated = Digest{}
		case Remove:
			r.Files = slices.Clone(r.Files)
			for k := range r.Files {
				if r.Files[k].Name == e.File {
					r.Files[k].Removed = true
				}
			}
		}
	})
}

// edit replaces one release, and with it only its own chunk.
func (p *Package) edit(i uint64, version string, do func(*Release)) {
	for c, chunk := range p.chunks {
		for k := range chunk.Releases {
			if chunk.Releases[k].Version != version {
				continue
			}
			releases := slices.Clone(chunk.Releases)
			do(&releases[k])
			releases[k].Changed = i + 1
			p.chunks = slices.Clone(p.chunks)
			p.chunks[c] = newChunk(releases)
			return
		}
	}
}
