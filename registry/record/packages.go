package record

import (
	"context"
	"strings"
	"time"

	"bonded.dev"
)

// FileRow is one artifact as the book knows it: what it is, which entry
// brought it, and where its bytes were when it came.
type FileRow struct {
	Package bonded.Name // Display is not kept
	Version string
	Name    string
	Digest  bonded.Digest
	Size    int64  // bytes
	Index   uint64 // of the entry
	Blob    string // id in quarantine, from which the bytes move to their public place
}

// Claim notes that a name was taken by the entry at index i. A name that was
// taken before is an error of kind Conflict, at the next Flush.
func (t *Tx) Claim(name bonded.Name, i uint64) error {
	return t.put(packageTable, name.Ecosystem, name.Key, name.Display, int64(i))
}

// PutFile notes an artifact. It is the last line of immutability: a file name
// of a package that was ever used is an error of kind Conflict, at the next
// Flush, whatever its bytes are.
func (t *Tx) PutFile(f FileRow) error {
	return t.put(fileTable, f.Package.Ecosystem, f.Package.Key, f.Name, f.Version, f.Digest[:], f.Size, int64(f.Index), f.Blob)
}

// Files returns the artifacts whose entries have an index from from up to and
// without to, in log order. Recovery moves their bytes to where they belong.
func (t *Tx) Files(from, to uint64) ([]FileRow, error) {
	return t.files(`WHERE idx >= $1 AND idx < $2 ORDER BY idx`, int64(from), int64(to))
}

// PackageFiles returns the artifacts of a package in log order.
func (t *Tx) PackageFiles(name bonded.Name) ([]FileRow, error) {
	return t.files(`WHERE eco = $1 AND key = $2 ORDER BY idx`, name.Ecosystem, name.Key)
}

func (t *Tx) files(where string, args ...any) ([]FileRow, error) {
	const what = "read the files"
	rows, err := t.query(what, `SELECT eco, key, version, name, digest, size, idx, blob FROM file `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []FileRow
	for rows.Next() {
		var f FileRow
		var index int64
		var digest []byte
		if err := rows.Scan(&f.Package.Ecosystem, &f.Package.Key, &f.Version, &f.Name, &digest, &f.Size, &index, &f.Blob); err != nil {
			return nil, t.b.wrap(what, err)
		}
		if len(digest) != len(f.Digest) {
			return nil, bonded.Errorf(bonded.Internal, "%s: %s has a digest of %d bytes", what, f.Name, len(digest))
		}
		f.Package.Display, f.Digest, f.Index = f.Package.Key, bonded.Digest(digest), uint64(index)
		list = append(list, f)
	}
	return list, t.b.wrap(what, rows.Err())
}

// SetSummary sets what search shows of a package. The zero Summary hides it.
// Texts are cut to what a list of hits has room for.
func (t *Tx) SetSummary(name bonded.Name, s bonded.Summary, updated time.Time) error {
	s = brief(s)
	text := strings.Join(append([]string{name.Key, name.Display, s.Description}, s.Keywords...), "\n")
	return t.put(summaryTable, name.Ecosystem, name.Key, name.Display, clean(s.Version), clean(s.Description),
		clean(strings.Join(s.Keywords, "\n")), clean(s.License), clean(s.Homepage), micros(updated),
		fold(name.Key), fold(text))
}

// What is kept of a summary, bytes. Every search reads all summaries, and one
// page of hits holds hundreds.
const (
	maxDescription = 1024
	maxKeywords    = 50 // keywords
	maxKeyword     = 64
	maxLicense     = 256
	maxHomepage    = 1024
)

// brief cuts a summary. Half an address leads somewhere else, so that one too
// long goes as a whole.
func brief(s bonded.Summary) bonded.Summary {
	cut := func(text string, most int) string {
		if len(text) > most {
			text = strings.ToValidUTF8(text[:most], "") // the cut may go through a letter
		}
		return text
	}
	keywords := s.Keywords[:min(len(s.Keywords), maxKeywords)]
	s.Keywords = nil
	for _, k := range keywords {
		s.Keywords = append(s.Keywords, cut(k, maxKeyword))
	}
	s.Description, s.License = cut(s.Description, maxDescription), cut(s.License, maxLicense)
	if len(s.Homepage) > maxHomepage {
		s.Homepage = ""
	}
	return s
}

// AddRequires notes that some release of a package depends on others. What an
// older release needs stays, since somebody may be held to that release.
func (t *Tx) AddRequires(name bonded.Name, on []bonded.Name) error {
	for _, d := range on {
		if err := t.put(requiresTable, name.Ecosystem, name.Key, d.Ecosystem, d.Key); err != nil {
			return err
		}
	}
	return nil
}

// DropRequires forgets what a package depends on, when none of it is left.
func (t *Tx) DropRequires(name bonded.Name) error {
	_, err := t.exec("forget what "+name.String()+" depends on",
		`DELETE FROM requires WHERE eco = $1 AND key = $2`, name.Ecosystem, name.Key)
	return err
}

// AddOwner makes user an owner; being one already is fine.
func (t *Tx) AddOwner(name bonded.Name, user string) error {
	return t.put(ownerTable, name.Ecosystem, name.Key, user)
}

// RemoveOwner ends an ownership; having had none is fine.
func (t *Tx) RemoveOwner(name bonded.Name, user string) error {
	_, err := t.exec("remove an owner of "+name.String(),
		`DELETE FROM owner WHERE eco = $1 AND key = $2 AND user_name = $3`, name.Ecosystem, name.Key, user)
	return err
}

// Owners returns the users who own a package, sorted.
func (t *Tx) Owners(name bonded.Name) ([]string, error) {
	return t.strings("read the owners of "+name.String(),
		`SELECT user_name FROM owner WHERE eco = $1 AND key = $2 ORDER BY user_name`, name.Ecosystem, name.Key)
}

// Owned returns the packages that a user owns, sorted.
func (t *Tx) Owned(user string) ([]bonded.Name, error) {
	const what = "read what a user owns"
	rows, err := t.query(what, `SELECT o.eco, o.key, coalesce(p.display, o.key)
		FROM owner o LEFT JOIN package p ON p.eco = o.eco AND p.key = o.key
		WHERE o.user_name = $1 ORDER BY o.eco, o.key`, user)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []bonded.Name
	for rows.Next() {
		var n bonded.Name
		if err := rows.Scan(&n.Ecosystem, &n.Key, &n.Display); err != nil {
			return nil, t.b.wrap(what, err)
		}
		list = append(list, n)
	}
	return list, t.b.wrap(what, rows.Err())
}

// skeleton is Name.Skeleton in SQL, letter for letter as the schema's index has it.
const skeleton = `replace(replace(replace(replace(replace(replace(lower(key), '-', ''), '_', ''), '.', ''), 'i', 'l'), '1', 'l'), '0', 'o')`

// Alike returns the keys of names that look like a name and that user has no
// right on, by no way, sorted; never the name itself. A few are enough to refuse it.
func (b *Book) Alike(ctx context.Context, name bonded.Name, user string) (keys []string, err error) {
	err = b.View(ctx, func(t *Tx) error {
		keys, err = t.strings("look for names like "+name.String(), `SELECT key FROM package
			WHERE eco = $1 AND `+skeleton+` = $2 AND key <> $3
			AND NOT EXISTS (SELECT 1 FROM owner WHERE owner.eco = package.eco AND owner.key = package.key AND `+principals("owner.user_name", "$4")+`)
			ORDER BY key LIMIT 3`, name.Ecosystem, name.Skeleton(), name.Key, user)
		return err
	})
	return keys, err
}

func (t *Tx) strings(what, text string, args ...any) ([]string, error) {
	rows, err := t.query(what, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, t.b.wrap(what, err)
		}
		list = append(list, s)
	}
	return list, t.b.wrap(what, rows.Err())
}
