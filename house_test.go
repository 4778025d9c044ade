package bonded_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"bonded.dev"
)

// TestFoldHouseIsApplyOverAll holds the fold without copies against the one
// with them, across more names than one run takes.
func TestFoldHouseIsApplyOverAll(t *testing.T) {
	at := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	entries := []bonded.Entry{
		{Type: bonded.Genesis, Time: at, Origin: "example.org/bonded/1"},
		{Type: bonded.Site, Time: at, URL: "https://example.org/"},
		{Type: bonded.Key, Time: at, Key: bonded.RegistryKey{Ecosystem: "one", ID: "k", Public: []byte{1}}},
	}
	for i := range 3*bonded.NameChunk + 7 {
		key := fmt.Sprintf("pkg-%d", i)
		eco := []string{"one", "two"}[i%3%2]
		entries = append(entries, bonded.Entry{Type: bonded.Claim, Time: at, Name: bonded.Name{Ecosystem: eco, Key: key, Display: key}})
	}
	slow := &bonded.House{}
	for i, e := range entries {
		next, err := slow.Apply(uint64(i), e)
		if err != nil {
			t.Fatal(err)
		}
		slow = next
	}
	fast, err := bonded.FoldHouse(func(yield func(uint64, bonded.Entry) bool) {
		for i, e := range entries {
			if !yield(uint64(i), e) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(slow, fast) {
		t.Error("the two folds differ")
	}
}
