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
// It reads every summary of the ecosystem, which is good for some 10^5 packages.
func (b *Book) Search(ctx context.Context, ecosystem, text string, from, size int) (hits []Hit, total int, err error) {
	where, args := searchCondition(ecosystem, text)
	err = b.View(ctx, func(t *Tx) error {
		if _, err := t.one("search", `SELECT count(*) FROM summary WHERE `+where, args, &total); err != nil {
			return err
		}
		from, size = max(from, 0), min(max(size, 0), maxHits)
		if from >= total || size == 0 {
			return nil
		}
		hits, err = t.hits(where, args, foldQuery(text), from, size)
		return err
	})
	return hits, total, err
}

func searchCondition(ecosystem, text string) (where string, args []any) {
	where, args = `eco = $1 AND version <> ''`, []any{ecosystem}
	words := strings.Fields(foldQuery(text))
	for _, w := range words[:min(len(words), maxWords)] {
		args = append(args, "%"+escapeLike(w)+"%")
		n := "$" + strconv.Itoa(len(args))
		where += ` AND (folded_name LIKE ` + n + ` ESCAPE '!' OR folded_text LIKE ` + n + ` ESCAPE '!')`
	}
	return where, args
}

func (t *Tx) hits(where string, args []any, text string, from, size int) ([]Hit, error) {
	text = strings.TrimSpace(text)
	like := escapeLike(text)
	n := len(args)
	mark := func(i int) string { return "$" + strconv.Itoa(n+i) }
	rows, err := t.query("search", `SELECT eco, key, display, version, description, keywords, license, homepage, updated,
		CASE WHEN folded_name = `+mark(1)+` THEN 0
			WHEN folded_name LIKE `+mark(2)+` ESCAPE '!' THEN 1
			WHEN folded_name LIKE `+mark(3)+` ESCAPE '!' THEN 2 ELSE 3 END AS place
		FROM summary WHERE `+where+` ORDER BY place, key LIMIT `+mark(4)+` OFFSET `+mark(5),
		append(args[:n:n], text, like+"%", "%"+like+"%", size, from)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Hit
	for rows.Next() {
		var h Hit
		var keywords string
		var updated int64
		var place int
		s := &h.Summary
		if err := rows.Scan(&h.Name.Ecosystem, &h.Name.Key, &h.Name.Display, &s.Version, &s.Description,
			&keywords, &s.License, &s.Homepage, &updated, &place); err != nil {
			return nil, t.b.wrap("search", err)
		}
		if keywords != "" {
			s.Keywords = strings.Split(keywords, "\n")
		}
		h.Updated = updated / 1e6
		list = append(list, h)
	}
	return list, t.b.wrap("search", rows.Err())
}

// escapeLike makes the wildcards of LIKE ordinary characters.
func escapeLike(s string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s)
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
