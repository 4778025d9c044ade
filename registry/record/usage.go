package record

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"bonded.dev"
)

// Download is how often a version was fetched on one day.
type Download struct {
	Name    bonded.Name
	Version string
	Day     int64 // days since 1970-01-01, UTC
	Count   int64
}

// AddDownloads adds counts to those already there. Counters come from every
// node at once, so this transaction alone is not serializable: adding commutes.
func (b *Book) AddDownloads(ctx context.Context, list []Download) error {
	type key struct {
		eco, name, version string
		day                int64
	}
	sum := make(map[key]int64, len(list))
	for _, d := range list {
		sum[key{d.Name.Ecosystem, d.Name.Key, clean(d.Version), d.Day}] += d.Count
	}
	keys := make([]key, 0, len(sum))
	for k := range sum {
		keys = append(keys, k)
	}
	// Two nodes that lock the same rows in the same order cannot block each other.
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.eco, b.eco), cmp.Compare(a.name, b.name),
			cmp.Compare(a.version, b.version), cmp.Compare(a.day, b.day))
	})
	return b.run(ctx, b.write, &sql.TxOptions{}, func(t *Tx) error {
		for _, k := range keys {
			if err := t.put(downloadTable, k.eco, k.name, k.version, k.day, sum[k]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Downloads returns how often any version of a package was fetched on the day
// (UTC) that holds since and on those after it.
func (b *Book) Downloads(ctx context.Context, name bonded.Name, since time.Time) (int64, error) {
	var n int64
	err := b.read.QueryRowContext(ctx, `SELECT CAST(coalesce(sum(count), 0) AS BIGINT) FROM download WHERE eco = $1 AND key = $2 AND day >= $3`,
		name.Ecosystem, name.Key, since.Unix()/(24*60*60)).Scan(&n)
	return n, b.wrap("count the downloads of "+name.String(), err)
}

// Dependants returns how many other packages here depend on name.
func (b *Book) Dependants(ctx context.Context, name bonded.Name) (int, error) {
	var n int
	err := b.read.QueryRowContext(ctx, `SELECT count(*) FROM requires
		WHERE dep_eco = $1 AND dep_key = $2 AND NOT (eco = $1 AND key = $2)`, name.Ecosystem, name.Key).Scan(&n)
	return n, b.wrap("count the dependants of "+name.String(), err)
}

// Retired reports whether a package had releases and every one of them was
// deleted. It folds the package's history.
func (b *Book) Retired(ctx context.Context, name bonded.Name) (retired bool, err error) {
	err = b.View(ctx, func(t *Tx) error {
		p, err := t.Package(name)
		if err != nil {
			return err
		}
		retired = len(p.Chunks()) > 0 && !p.Live()
		return nil
	})
	return retired, err
}
