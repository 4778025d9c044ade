package record

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"bonded.dev"
)

func TestSearchRanksAndEscapes(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		add := func(eco, key, display, description string, keywords ...string) {
			n := bonded.Name{Ecosystem: eco, Key: key, Display: display}
			s := bonded.Summary{Version: "1.0.0", Description: description, Keywords: keywords, License: "MIT", Homepage: "https://example.org"}
			update(t, b, func(tx *Tx) error { return tx.SetSummary(n, s, noon) })
		}
		add("npm", "pad", "pad", "fills strings")
		add("npm", "padded", "padded", "x")
		add("npm", "left-pad", "left-pad", "Fills Strings on the LEFT", "ÜBER")
		add("npm", "zebra", "zebra", "stripes", "pad", "100%")
		add("npm", "a_b", "a_b", "x")
		add("npm", "axb", "axb", "100 percent")
		add("npm", "hidden", "hidden", "pad")
		add("pypi", "pad", "Pad", "another dialect")
		update(t, b, func(tx *Tx) error { return tx.SetSummary(npm("hidden"), bonded.Summary{}, noon) })

		for text, want := range map[string]string{
			"pad":                    "pad padded left-pad zebra",
			" PAD ":                  "pad padded left-pad zebra",
			"fills strings":          "left-pad pad",
			"strings  fills":         "left-pad pad",
			"left fills":             "left-pad",
			"über":                   "left-pad",
			"a_b":                    "a_b",
			"_":                      "a_b",
			"%":                      "zebra",
			"100%":                   "zebra",
			"!":                      "",
			"nothing":                "",
			"pad' OR 1=1 --":         "",
			"pad\x00ded":             "padded",
			"pad \xff":               "",
			"":                       "a_b axb left-pad pad padded zebra",
			strings.Repeat("ü", 200): "",
			strings.Repeat("a ", 99): "a_b axb left-pad pad padded zebra",
		} {
			hits, total, err := b.Search(t.Context(), "npm", text, 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, h := range hits {
				got = append(got, h.Name.Key)
			}
			if strings.Join(got, " ") != want || total != len(got) {
				t.Errorf("search %.20q: %d %v, want %s", text, total, got, want)
			}
		}
		hits, _, err := b.Search(t.Context(), "pypi", "pad", 0, 9)
		want := []Hit{{
			Name:    bonded.Name{Ecosystem: "pypi", Key: "pad", Display: "Pad"},
			Summary: bonded.Summary{Version: "1.0.0", Description: "another dialect", License: "MIT", Homepage: "https://example.org"},
			Updated: noon.Unix(),
		}}
		if err != nil || !reflect.DeepEqual(hits, want) {
			t.Errorf("got %+v, %v", hits, err)
		}
		hits, _, err = b.Search(t.Context(), "npm", "stripes", 0, 9)
		if err != nil || len(hits) != 1 || !reflect.DeepEqual(hits[0].Summary.Keywords, []string{"pad", "100%"}) {
			t.Errorf("got %+v, %v", hits, err)
		}
	})
}

func TestSearchPages(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		update(t, b, func(tx *Tx) error {
			for i := range 300 {
				if err := tx.SetSummary(npm(fmt.Sprintf("p%03d", i)), bonded.Summary{Version: "1"}, noon); err != nil {
					return err
				}
			}
			return nil
		})
		for _, c := range []struct{ from, size, n int }{{0, 10, 10}, {295, 10, 5}, {300, 10, 0}, {-5, 10, 10}, {0, 0, 0}, {0, -1, 0}, {0, 1 << 30, maxHits}, {1 << 40, 10, 0}} {
			hits, total, err := b.Search(t.Context(), "npm", "p", c.from, c.size)
			if err != nil || total != 300 || len(hits) != c.n {
				t.Errorf("from %d size %d: %d hits of %d, %v", c.from, c.size, len(hits), total, err)
			}
			if c.n > 0 && hits[0].Name.Key != fmt.Sprintf("p%03d", max(c.from, 0)) {
				t.Errorf("from %d starts at %s", c.from, hits[0].Name.Key)
			}
		}
	})
}

func TestSummariesAreCut(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		long := strings.Repeat("ä", 1<<16)
		s := bonded.Summary{Version: "1", Description: long, License: long, Homepage: "https://a.example/" + long, Keywords: []string{long}}
		for range 100 {
			s.Keywords = append(s.Keywords, "word")
		}
		update(t, b, func(tx *Tx) error { return tx.SetSummary(npm("long"), s, noon) })
		hits, _, err := b.Search(t.Context(), "npm", "", 0, 10)
		if err != nil || len(hits) != 1 {
			t.Fatalf("%v, %v", hits, err)
		}
		got := hits[0].Summary
		if got.Description != long[:1024] || got.License != long[:256] || got.Homepage != "" || len(got.Keywords) != 50 || got.Keywords[0] != long[:64] {
			t.Errorf("%d %d %d %d bytes", len(got.Description), len(got.License), len(got.Homepage), len(got.Keywords))
		}
	})
}
