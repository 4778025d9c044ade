package record

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"bonded.dev"
)

// Hit is one package that a search found.
type Hit struct {
	Name    bonded.Name
	Summary bonded.Summary
	Updated int64 // when its newest release was logged, Unix seconds
}

const (
	maxWords = 8   // of a search; more are left out
	maxQuery = 256 // bytes of a search
	maxHits  = 250 // on one page
)

// Search finds the packages of an ecosystem whose name, description or
// keywords hold every word of text, best first: the exact name, then names
// that start with text, names that hold it, all others; by name within each.
// Only packages with a summary are found. No text finds all. total counts all
// hits, of which size are returned from position from on.
//
// It reads every summary of the ecosystem, which is good for some 10^5
// packages. LIKE is not used: its idea of case and its wildcards would have to
// be fought, and finding a plain text is faster.
func (b *Book) Search(ctx context.Context, ecosystem, text string, from, size int) (hits []Hit, total int, err error) {
	from, size = max(from, 0), min(max(size, 0), maxHits)
	text = strings.TrimSpace(foldQuery(text))
	holds := b.dialect.holds
	where, args := `eco = $1 AND version <> ''`, []any{ecosystem, text}
	words := strings.Fields(text)
	for _, w := range words[:min(len(words), maxWords)] {
		args = append(args, w)
		where += ` AND ` + holds + `(folded_text, $` + strconv.Itoa(len(args)) + `) > 0`
	}
	err = b.View(ctx, func(t *Tx) error {
		hits, total, err = t.hits(where, holds, append(args[:len(args):len(args)], size, from))
		if err != nil || len(hits) > 0 {
			return err
		}
		// A page behind the last one holds no row that could tell the total.
		_, err = t.one("search", `SELECT count(*) FROM summary WHERE `+where+` AND $2 = $2`, args, &total)
		return err
	})
	return hits, total, err
}

// hits reads one page. The inner query ranks narrow rows; only those of the
// page are read in full.
func (t *Tx) hits(where, holds string, args []any) (hits []Hit, total int, err error) {
	n := len(args)
	rows, err := t.query("search", `SELECT s.eco, s.key, s.display, s.version, s.description, s.keywords, s.license, s.homepage, s.updated, f.total
		FROM summary s JOIN (
			SELECT key, count(*) OVER () AS total, CASE WHEN folded_name = $2 THEN 0
				WHEN `+holds+`(folded_name, $2) = 1 THEN 1 WHEN `+holds+`(folded_name, $2) > 1 THEN 2 ELSE 3 END AS place
			FROM summary WHERE `+where+` ORDER BY place, key LIMIT $`+strconv.Itoa(n-1)+` OFFSET $`+strconv.Itoa(n)+`
		) f ON s.key = f.key
		WHERE s.eco = $1 ORDER BY f.place, s.key`, args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var h Hit
		var keywords string
		var updated int64
		s := &h.Summary
		if err := rows.Scan(&h.Name.Ecosystem, &h.Name.Key, &h.Name.Display, &s.Version, &s.Description,
			&keywords, &s.License, &s.Homepage, &updated, &total); err != nil {
			return nil, 0, t.b.wrap("search", err)
		}
		if keywords != "" {
			s.Keywords = strings.Split(keywords, "\n")
		}
		h.Updated = updated / 1e6
		hits = append(hits, h)
	}
	return hits, total, t.b.wrap("search", rows.Err())
}

func foldQuery(s string) string {
	if len(s) > maxQuery {
		s = strings.ToValidUTF8(s[:maxQuery], "") // the cut may go through a letter
	}
	return fold(s)
}

// fold is how text is compared: the databases' own ideas of case differ.
func fold(s string) string { return strings.ToLower(clean(s)) }

// clean leaves out what PostgreSQL cannot store in a text.
func clean(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.ReplaceAll(s, "\x00", "")
}
