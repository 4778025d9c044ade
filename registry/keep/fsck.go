// Package keep looks after stored data: fsck holds the database and the store
// against the log, backup and restore carry a repository elsewhere and prove
// that it arrived whole.
//
// fsck asks three questions. Does the database say what its own log says? Is
// everything that is served what the log computes? (The repository is served
// on loopback for this and read as any client would.) Is there anything that
// no fact accounts for? Nothing here invents bytes: a lost artifact is
// reported, a lost document is computed again.
package keep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/client/recompute"
	"bonded.dev/ecosystem"
	"bonded.dev/internal/logwire"
	"bonded.dev/internal/statemap"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/ledger"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/serve"

	"golang.org/x/mod/sumdb/tlog"
)

// Keeper looks after one repository.
type Keeper struct {
	Ecosystems []ecosystem.Ecosystem
	Book       *record.Book
	Blobs      blob.Store
	Key        string // verifier key of the log
	Progress   func(step string, done, total int)
}

// Finding is one thing that is not as it should be.
type Finding struct {
	Kind    string `json:"kind"` // database, orphan, or a kind of recompute
	Place   string `json:"place"`
	Problem string `json:"problem"`
	Mended  bool   `json:"mended,omitempty"`
}

// Report is what fsck found.
type Report struct {
	Entries  uint64            `json:"entries"`
	Served   *recompute.Report `json:"served,omitempty"`
	Findings []Finding         `json:"findings"`
}

// OK reports whether nothing is left to be done.
func (r *Report) OK() bool {
	for _, f := range r.Findings {
		if !f.Mended {
			return false
		}
	}
	return true
}

func (r *Report) add(kind, place, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{Kind: kind, Place: place, Problem: fmt.Sprintf(format, args...)})
}

// Check asks all three questions. With mend it removes what no fact accounts
// for; orphans younger than spare are left alone, since an upload may be under
// way beside us.
func (k *Keeper) Check(ctx context.Context, mend bool, spare time.Duration) (*Report, error) {
	r := &Report{Findings: []Finding{}}
	state, err := k.database(ctx, r)
	if err != nil {
		return r, err
	}
	if err := k.lost(ctx, r, state, mend); err != nil {
		return r, err
	}
	if err := k.served(ctx, r); err != nil {
		return r, err
	}
	return r, k.orphans(ctx, r, state, mend, time.Now().Add(-spare))
}

// folded is the repository as its own log tells it.
type folded struct {
	house    *bonded.House
	packages map[string]*bonded.Package
	docs     map[bonded.Digest]bool
	without  []bonded.Digest // documents that the database does not have
}

// database folds the log in the database and compares every other row with it.
func (k *Keeper) database(ctx context.Context, r *Report) (*folded, error) {
	f := &folded{house: &bonded.House{}, packages: map[string]*bonded.Package{}, docs: map[bonded.Digest]bool{}}
	err := k.Book.View(ctx, func(tx *record.Tx) error {
		head, err := tx.Head()
		if err != nil {
			return err
		}
		r.Entries = head
		if err := k.foldLog(tx, r, f, head); err != nil {
			return err
		}
		if err := checkRecords(tx, r, f); err != nil {
			return err
		}
		if err := checkFiles(tx, r, f, head); err != nil {
			return err
		}
		return checkDocs(tx, r, f)
	})
	return f, err
}

// foldLog reads every leaf, hashes it, and adds it up.
func (k *Keeper) foldLog(tx *record.Tx, r *Report, f *folded, head uint64) error {
	tree := &tree{}
	for row, err := range tx.Entries(0, head) {
		if err != nil {
			return err
		}
		if row.Index != tree.size {
			r.add("database", fmt.Sprintf("entry %d", tree.size), "is missing")
			return nil
		}
		if err := tree.add(row.Body); err != nil {
			return err
		}
		if err := f.apply(row); err != nil {
			r.add("database", fmt.Sprintf("entry %d", row.Index), "%v", err)
		}
		if k.Progress != nil && row.Index%1024 == 0 {
			k.Progress("folding the log", int(row.Index), int(head))
		}
	}
	return tree.compare(tx, r)
}

func (f *folded) apply(row record.Logged) (err error) {
	e := row.Entry
	if f.house, err = f.house.Apply(row.Index, e); err != nil {
		return err
	}
	for _, d := range []bonded.Digest{e.Meta, e.Doc} {
		if !d.IsZero() {
			f.docs[d] = true
		}
	}
	if e.Name.IsZero() {
		return nil
	}
	p, ok := f.packages[e.Name.String()]
	if !ok {
		p = &bonded.Package{Name: e.Name}
	}
	if p, err = p.Apply(row.Index, e); err == nil {
		f.packages[e.Name.String()] = p
	}
	return err
}

// tree recomputes the stored hashes from the leaves.
type tree struct {
	size   uint64
	hashes []tlog.Hash
}

func (t *tree) ReadHashes(ids []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(ids))
	for i, id := range ids {
		if id >= int64(len(t.hashes)) {
			return nil, fmt.Errorf("tree hash %d is not computed yet", id)
		}
		out[i] = t.hashes[id]
	}
	return out, nil
}

func (t *tree) add(leaf []byte) error {
	hs, err := tlog.StoredHashes(int64(t.size), leaf, t)
	t.hashes = append(t.hashes, hs...)
	t.size++
	return err
}

func (t *tree) compare(tx *record.Tx, r *Report) error {
	const page = 4096
	for first := 0; first < len(t.hashes); first += page {
		n := min(page, len(t.hashes)-first)
		ids := make([]int64, n)
		for i := range ids {
			ids[i] = int64(first + i)
		}
		got, err := tx.Hashes(ids)
		if err != nil {
			r.add("database", fmt.Sprintf("tree hashes from %d", first), "%v", err)
			return nil
		}
		for i := range got {
			if got[i] == t.hashes[first+i] {
				continue
			}
			level, n := tlog.SplitStoredHashIndex(int64(first + i))
			if level == 0 {
				r.add("database", fmt.Sprintf("entry %d", n), "it and its hash, tree hash %d, do not belong together", first+i)
			} else {
				r.add("database", fmt.Sprintf("tree hash %d", first+i), "is not that of the entries")
			}
		}
	}
	return nil
}

// checkRecords compares the rows of the state map with the folded state, and
// the folded state with the newest seal.
func checkRecords(tx *record.Tx, r *Report, f *folded) error {
	stored, err := statemap.Load(tx.Records())
	if err != nil {
		return err
	}
	var all []bonded.Record
	for _, p := range f.packages {
		all = append(all, p.AllRecords()...)
	}
	computed := statemap.New().Set(all)
	if err := ledger.CheckSeal(tx, computed); err != nil {
		r.add("database", "newest seal", "%v", err)
	}
	if stored.Root() == computed.Root() && stored.Len() == computed.Len() {
		return nil
	}
	for rec := range computed.Records() {
		if v, ok := stored.Get(rec.Key); !ok || v != rec.Value {
			r.add("database", fmt.Sprintf("state record %x", rec.Key), "is not what the log adds up to")
		}
	}
	for rec := range stored.Records() {
		if _, ok := computed.Get(rec.Key); !ok {
			r.add("database", fmt.Sprintf("state record %x", rec.Key), "speaks of nothing in the log")
		}
	}
	return nil
}

// checkFiles compares the rows that guard immutability with the folded state.
func checkFiles(tx *record.Tx, r *Report, f *folded, head uint64) error {
	rows, err := tx.Files(0, head)
	if err != nil {
		return err
	}
	have := map[string]record.FileRow{}
	for _, row := range rows {
		have[row.Package.String()+" "+row.Name] = row
	}
	for name, p := range f.packages {
		for rel := range p.Releases() {
			for _, file := range rel.Files {
				key := name + " " + file.Name
				row, ok := have[key]
				delete(have, key)
				if !ok {
					r.add("database", "file "+key, "its row is missing")
				} else if row.Digest != file.Digest || row.Size != file.Size || row.Index != file.Index || row.Version != rel.Version {
					r.add("database", "file "+key, "its row differs from entry %d", file.Index)
				}
			}
		}
	}
	for key := range have {
		r.add("database", "file "+key, "no entry speaks of it")
	}
	return nil
}

func checkDocs(tx *record.Tx, r *Report, f *folded) error {
	for d := range f.docs {
		b, err := tx.Doc(d)
		var known *bonded.Error
		if errors.As(err, &known) && known.Kind == bonded.NotFound {
			f.without = append(f.without, d) // some may be missing; see lost
			continue
		}
		if err != nil {
			return err
		}
		if bonded.DigestOf(b) != d {
			r.add("database", "document "+d.Hex(), "its bytes have another digest")
		}
	}
	return nil
}

// lost finds documents that were deleted from the database alone: one that may
// be deleted is gone from the shelf too, and which may is the served
// repository asked. What the shelf still has is put back with mend.
func (k *Keeper) lost(ctx context.Context, r *Report, f *folded, mend bool) error {
	for _, d := range f.without {
		b, err := k.Blobs.Get(ctx, blob.Public+logwire.DocPath(d))
		if errors.Is(err, fs.ErrNotExist) || err == nil && bonded.DigestOf(b) != d {
			continue
		}
		if err != nil {
			return err
		}
		r.add("database", "document "+d.Hex(), "is on the shelf and not in the database")
		if !mend {
			continue
		}
		if err := k.Book.Update(ctx, func(tx *record.Tx) error { return tx.PutDoc(b) }); err != nil {
			return err
		}
		r.Findings[len(r.Findings)-1].Mended = true
	}
	return nil
}

// served serves the repository on loopback and has it recomputed as any client
// would see it.
func (k *Keeper) served(ctx context.Context, r *Report) error {
	ctx, stop := context.WithCancel(ctx)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		stop()
		return fmt.Errorf("listening on loopback: %w", err)
	}
	done := make(chan error, 1)
	door := serve.New(serve.Config{Ecosystems: k.Ecosystems, Blobs: k.Blobs, Log: slog.New(slog.DiscardHandler)})
	go func() { done <- door.Serve(ctx, l) }()
	report, err := recompute.Verify(ctx, "http://"+l.Addr().String()+"/", k.Ecosystems, recompute.Options{Key: k.Key, NoProofs: true, Progress: k.Progress})
	stop()
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	r.Served = report
	for _, f := range report.Findings {
		r.Findings = append(r.Findings, Finding{Kind: f.Kind, Place: f.Place, Problem: f.Problem})
	}
	if report.Entries != r.Entries {
		r.add("database", "head", "the log has %d entries here, and the checkpoint that is served covers %d; a restart brings the shelf up", r.Entries, report.Entries)
	}
	return nil
}

// orphans finds keys of the store that no fact accounts for.
func (k *Keeper) orphans(ctx context.Context, r *Report, f *folded, mend bool, before time.Time) error {
	expected, err := k.expected(f)
	if err != nil {
		return err
	}
	waiting := map[string]bool{}
	err = k.Book.View(ctx, func(tx *record.Tx) error {
		rows, err := tx.Files(0, r.Entries)
		for _, row := range rows {
			waiting[row.Blob] = true
		}
		if err != nil {
			return err
		}
		staged, err := tx.StagedBlobs()
		for _, id := range staged {
			waiting[id] = true
		}
		return err
	})
	if err != nil {
		return err
	}
	for info, err := range k.Blobs.List(ctx, "") {
		if err != nil {
			return err
		}
		if expected[info.Key] || waiting[info.Key] || !info.Modified.Before(before) || part(info.Key) {
			continue
		}
		finding := Finding{Kind: "orphan", Place: info.Key, Problem: "no entry of the log accounts for it"}
		if mend {
			if err := k.Blobs.Delete(ctx, info.Key); err != nil {
				return err
			}
			finding.Mended = true
		}
		r.Findings = append(r.Findings, finding)
	}
	if mend {
		_, err = k.Blobs.Sweep(ctx, before)
	}
	return err
}

// part reports keys of the log's own files, which recomputation reads by name:
// partial tiles of older sizes come and go.
func part(key string) bool {
	return strings.HasPrefix(key, blob.Public+"log/tile/") || key == blob.Public+logwire.CheckpointPath ||
		key == blob.Public+logwire.KeyPath || strings.HasPrefix(key, blob.Manifest+"log/")
}

// expected lists every key that the folded log accounts for.
func (k *Keeper) expected(f *folded) (map[string]bool, error) {
	keys := map[string]bool{}
	add := func(docs []ecosystem.Document) {
		for _, d := range docs {
			if !d.Gone {
				keys[blob.Public+d.Path], keys[blob.Public+d.Path+".gz"], keys[blob.Manifest+d.Path] = true, true, true
			}
		}
	}
	for d := range f.docs {
		keys[blob.Public+logwire.DocPath(d)] = true
	}
	byID := map[string]ecosystem.Ecosystem{}
	for _, eco := range k.Ecosystems {
		byID[eco.Info().ID] = eco
		docs, err := eco.RenderHouse(f.house, bookDocs{k.Book})
		if err != nil {
			return nil, err
		}
		add(docs)
	}
	for _, p := range f.packages {
		eco, ok := byID[p.Name.Ecosystem]
		if !ok {
			return nil, fmt.Errorf("checking %s: this binary does not speak that dialect", p.Name)
		}
		docs, err := eco.Render(p, f.house, bookDocs{k.Book}, 0)
		if err != nil {
			return nil, err
		}
		add(docs)
		for rel := range p.Releases() {
			for _, file := range rel.Files {
				if !file.Removed {
					keys[blob.Public+eco.ArtifactPath(p.Name, rel.Version, file.Name)] = true
				}
			}
		}
	}
	return keys, nil
}

// bookDocs looks documents up in the database, one by one.
type bookDocs struct{ book *record.Book }

func (b bookDocs) Doc(d bonded.Digest) ([]byte, error) { return b.book.Doc(context.Background(), d) }

// Forget makes the next start compute every document and tile again, trusting
// nothing that stands on the shelf.
func (k *Keeper) Forget(ctx context.Context) error {
	for info, err := range k.Blobs.List(ctx, blob.Manifest) {
		if err != nil {
			return err
		}
		if err := k.Blobs.Delete(ctx, info.Key); err != nil {
			return err
		}
	}
	return k.Book.Update(ctx, func(tx *record.Tx) error { return tx.SetMark(publish.MarkShelved, 0) })
}

// Mended joins what was found with what is left of it.
func Mended(before, after *Report) *Report {
	left := map[string]bool{}
	for _, f := range after.Findings {
		left[f.Kind+" "+f.Place] = true
	}
	for _, f := range before.Findings {
		if !left[f.Kind+" "+f.Place] {
			f.Mended = true
			after.Findings = append(after.Findings, f)
		}
	}
	return after
}
