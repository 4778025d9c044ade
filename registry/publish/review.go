package publish

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/internal/archive"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/record"
	"bonded.dev/registry/screen"
)

// Review is a staged release as somebody sees who is to approve it: what is in
// it, against what was released before. It is bounded, and says what it leaves
// out: an approval covers every byte, shown or not, by its digest.
type Review struct {
	Staged record.Staged // Files holds the digests that an approval is bound to
	// Against is the version that it is compared with; empty: it is the first.
	Against string
	Files   []FileChange
	// MoreFiles changed and are not listed.
	MoreFiles int
	// Facts are the lines of the extracted metadata that differ.
	Facts []LineChange
	// MoreFacts differ and are not listed.
	MoreFacts int
	Findings  []bonded.Finding
}

// FileChange is one member of the artifact that is new, gone, or different.
type FileChange struct {
	Artifact string
	Path     string
	Change   string // added, removed, changed
	Size     int64  // bytes; of a removed one what it had
	Binary   bool   // no text, or too large to be shown: Lines is empty
	Lines    []LineChange
	// MoreLines differ and are not shown.
	MoreLines int
}

// LineChange is one line that came ("+") or went ("-"). What a terminal or a
// browser would obey in it is written out as U+XXXX.
type LineChange struct {
	Sign string
	Text string
	Loud bool // it is about what runs or what else is installed
}

const (
	reviewArtifact = 128 << 20 // an artifact that is larger is not looked into
	reviewFiles    = 1000
	reviewText     = 256 << 10 // a file that is larger is not compared by lines
	reviewTexts    = 16 << 20  // all of them
	reviewLines    = 400       // of a file
	reviewAllLines = 5000
	reviewLine     = 400 // bytes of a line
)

// comparing holds a place for each review that may be made at once. Each keeps up
// to reviewArtifact bytes of an earlier release in memory, and whoever may publish
// anything may stage something and look at it as often as they like.
var comparing = make(chan struct{}, 2)

const reviewPatience = 10 * time.Second

// place waits for a place among those who compare.
func place(ctx context.Context) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, reviewPatience)
	defer cancel()
	select {
	case comparing <- struct{}{}:
		return func() { <-comparing }, nil
	case <-ctx.Done():
		return nil, bonded.Errorf(bonded.Unavailable, "too many releases are being compared right now; try again in a moment")
	}
}

// Review returns a staged release for whoever may see it: who staged it, and
// who may have a say in it. It takes no passkey to look.
func (d *Desk) Review(ctx context.Context, id string, actor Actor) (r Review, err error) {
	s, h, err := d.open(ctx, id, actor)
	if err != nil {
		return r, err
	}
	leave, err := place(ctx)
	if err != nil {
		return r, err
	}
	defer leave()
	past, err := d.Past(ctx, s.Name)
	if err != nil {
		return r, err
	}
	r.Staged = s
	r.Staged.Body = nil
	eco, ok := d.ecosystems[s.Name.Ecosystem]
	if !ok {
		return r, bonded.Errorf(bonded.Unsupported, "this server does not speak the dialect of %s", s.Name)
	}
	before := earlier(eco, past, s.Version)
	if before != nil {
		r.Against = before.Version
	}
	if r.Findings, err = d.findings(ctx, h, past); err != nil {
		return r, err
	}
	v := &reviewer{desk: d, review: &r, texts: reviewTexts, lines: reviewAllLines}
	for i := range h.Draft.Facts {
		f := &h.Draft.Facts[i]
		if f.Type != bonded.Publish {
			continue
		}
		old := counterpart(before, s.Version, f.File)
		if err := v.facts(ctx, h.Draft.Docs, f, old); err != nil {
			return r, err
		}
		if err := v.artifact(ctx, eco, h, f, before, old); err != nil {
			return r, err
		}
	}
	return r, nil
}

// findings asks every control once more, as an approval would.
func (d *Desk) findings(ctx context.Context, h held, past *bonded.Package) ([]bonded.Finding, error) {
	c := screen.Case{Draft: &h.Draft, Past: past, Now: d.Now(), User: h.User}
	if past.Claimed.IsZero() {
		alike, err := d.Book.Alike(ctx, h.Draft.Name, h.User)
		if err != nil {
			return nil, err
		}
		c.Alike = alike
	}
	return screen.Examine(ctx, d.Checks, c), nil
}

// earlier is what a new version is compared with: the nearest lower one that can
// still be had; where there is none, what came last.
func earlier(eco ecosystem.Ecosystem, past *bonded.Package, version string) (before *bonded.Release) {
	var last *bonded.Release
	for r := range past.Releases() {
		if !r.Live() || r.Version == version {
			continue
		}
		last = r
		if eco.Compare(r.Version, version) < 0 && (before == nil || eco.Compare(r.Version, before.Version) > 0) {
			before = r
		}
	}
	if before == nil {
		before = last
	}
	return before
}

// counterpart is the file of an earlier release that file takes the place of:
// the one of the same name but for the version, or else of the same ending.
func counterpart(before *bonded.Release, version, file string) *bonded.File {
	if before == nil {
		return nil
	}
	var near *bonded.File
	for i := range before.Files {
		f := &before.Files[i]
		if f.Removed {
			continue
		}
		if strings.ReplaceAll(f.Name, before.Version, "*") == strings.ReplaceAll(file, version, "*") {
			return f
		}
		if near == nil && ending(f.Name) == ending(file) {
			near = f
		}
	}
	return near
}

func ending(file string) string { return file[strings.LastIndexByte(file, '.')+1:] }

// reviewer fills a review within its bounds.
type reviewer struct {
	desk   *Desk
	review *Review
	texts  int64 // bytes of text that may still be compared
	lines  int   // that may still be shown
}

// side is one of the two artifacts that are compared.
type side struct {
	r       io.ReaderAt
	size    int64
	version string
	members map[string]archive.Entry // by path, the version in it written as a star
	paths   map[string]string        // the same path as the archive has it
	opaque  bool                     // no archive that we read, or too large a one
}

// load lists the members of an artifact.
func load(r io.ReaderAt, size int64, version string) (*side, error) {
	s := &side{r: r, size: size, version: version, members: map[string]archive.Entry{}, paths: map[string]string{}}
	kind, ok := kindOf(r)
	if !ok || size > reviewArtifact {
		s.opaque = true
		return s, nil
	}
	inv, err := archive.Read(r, size, kind, archive.Limits{}, nil)
	for _, e := range inv.Entries {
		if e.Type == archive.Dir {
			continue
		}
		key := e.Path
		if version != "" {
			key = strings.ReplaceAll(key, version, "*")
		}
		for _, taken := s.members[key]; taken; _, taken = s.members[key] {
			key += "\x00" // a path that has the star itself hides no other
		}
		s.members[key], s.paths[key] = e, e.Path
	}
	return s, err
}

// texts reads the contents of some members.
func (s *side) texts(keys map[string]bool) (map[string][]byte, error) {
	wanted := map[string]string{}
	for key := range keys {
		if e, ok := s.members[key]; ok && e.Type == archive.File {
			wanted[s.paths[key]] = key
		}
	}
	kind, _ := kindOf(s.r)
	inv, err := archive.Read(s.r, s.size, kind, archive.Limits{Wanted: reviewTexts}, func(path string) bool { _, ok := wanted[path]; return ok })
	out := map[string][]byte{}
	for path, b := range inv.Wanted {
		out[wanted[path]] = b
	}
	return out, err
}

// artifact compares one artifact with its counterpart.
func (v *reviewer) artifact(ctx context.Context, eco ecosystem.Ecosystem, h held, f *bonded.Entry, before *bonded.Release, old *bonded.File) error {
	at := slices.IndexFunc(h.Draft.Kept, func(k bonded.Kept) bool { return k.Digest == f.Digest })
	if at < 0 {
		return bonded.Errorf(bonded.Internal, "the staged draft of %s keeps no bytes for %s", h.Draft.Name, f.File)
	}
	r, done, err := v.desk.Blobs.ReaderAt(ctx, h.Draft.Kept[at].ID)
	if err != nil {
		return lostBytes(err)
	}
	defer done() //nolint:errcheck // opened for reading
	is, err := load(r, f.Size, f.Version)
	if err != nil {
		return err
	}
	was := &side{members: map[string]archive.Entry{}}
	if old != nil {
		if was, err = v.released(ctx, eco, h.Draft.Name, before, old); err != nil {
			return err
		}
	}
	if is.opaque || was.opaque {
		v.list(FileChange{Artifact: f.File, Path: f.File, Change: "changed", Size: f.Size, Binary: true})
		return nil
	}
	return v.compare(f.File, was, is)
}

// released opens the artifact of an earlier release; one that is lost counts as
// none, so that everything in the new one is shown.
func (v *reviewer) released(ctx context.Context, eco ecosystem.Ecosystem, name bonded.Name, before *bonded.Release, old *bonded.File) (*side, error) {
	if old.Size > reviewArtifact {
		return &side{opaque: true}, nil
	}
	b, err := v.desk.Blobs.Get(ctx, blob.Public+eco.ArtifactPath(name, before.Version, old.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return &side{members: map[string]archive.Entry{}}, nil
	}
	if err != nil {
		return nil, err
	}
	return load(bytes.NewReader(b), int64(len(b)), before.Version)
}

// difference is a member that differs, by the key that both sides have it under.
type difference struct {
	FileChange
	key string
}

// compare lists what differs, in the order of paths, and shows the lines of texts.
func (v *reviewer) compare(artifact string, was, is *side) error {
	var changes []difference
	texts := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(union(was.members, is.members))) {
		o, had := was.members[key]
		n, has := is.members[key]
		c := FileChange{Artifact: artifact, Path: shown(is.paths[key]), Size: n.Size}
		switch {
		case !had:
			c.Change = "added"
		case !has:
			c.Change, c.Path, c.Size = "removed", shown(was.paths[key]), o.Size
		case o.SHA256 != n.SHA256 || o.Type != n.Type || o.Link != n.Link || o.Mode.Perm()&0o111 != n.Mode.Perm()&0o111:
			c.Change = "changed"
		default:
			continue
		}
		c.Binary = max(o.Size, n.Size) > reviewText || o.Size+n.Size > v.texts
		if !c.Binary {
			v.texts -= o.Size + n.Size
			texts[key] = true
		}
		changes = append(changes, difference{c, key})
	}
	return v.show(changes, texts, was, is)
}

func (v *reviewer) show(changes []difference, texts map[string]bool, was, is *side) error {
	before, after := map[string][]byte{}, map[string][]byte{}
	var err error
	if len(texts) > 0 {
		if after, err = is.texts(texts); err == nil && len(was.members) > 0 {
			before, err = was.texts(texts)
		}
	}
	if err != nil {
		return err
	}
	slices.SortFunc(changes, func(a, b difference) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.key, b.key))
	})
	for _, c := range changes {
		if !c.Binary {
			v.text(&c.FileChange, before[c.key], after[c.key], was.members[c.key], is.members[c.key])
		}
		v.list(c.FileChange)
	}
	return nil
}

// text compares a file by lines. What differs beside the content is told first.
func (v *reviewer) text(c *FileChange, before, after []byte, o, n archive.Entry) {
	if !isText(before) || !isText(after) {
		c.Binary = true
	}
	note := func(sign, text string) { c.Lines = append(c.Lines, LineChange{Sign: sign, Text: text, Loud: true}) }
	if n.Link != o.Link {
		note("+", "link to "+shown(n.Link))
	}
	if was, is := o.Mode.Perm()&0o111 != 0, n.Mode.Perm()&0o111 != 0; was != is && c.Change == "changed" {
		note("+", map[bool]string{true: "can be executed", false: "cannot be executed any more"}[is])
	}
	if c.Binary {
		return
	}
	lines := lineChanges(string(before), string(after))
	room := max(0, min(len(lines), reviewLines, v.lines))
	c.Lines, c.MoreLines = append(c.Lines, lines[:room]...), len(lines)-room
	v.lines -= room
}

func (v *reviewer) list(c FileChange) {
	if len(v.review.Files) >= reviewFiles {
		v.review.MoreFiles++
		return
	}
	v.review.Files = append(v.review.Files, c)
}

func union[T any](a, b map[string]T) map[string]bool {
	keys := make(map[string]bool, len(a)+len(b))
	for k := range a {
		keys[k] = true
	}
	for k := range b {
		keys[k] = true
	}
	return keys
}

func isText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }
