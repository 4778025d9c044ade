package privacy_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bonded.dev"
	"bonded.dev/registry/privacy"
	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestExport(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.publish(zebra, "alone", "1.0.0")
		h.update(func(tx *record.Tx) error {
			return tx.AddToken(record.Token{ID: "one", Hash: bonded.DigestOf([]byte("x")), User: zebra, Label: "laptop", Scopes: []string{"publish:npm/alone"},
				Uses: -1, Public: []byte("a public key"), Created: h.now, Expires: h.now.AddDate(0, 0, 7)})
		})
		b, err := h.Export(ctx, zebra, zebra)
		must(t, err)
		s, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "docs", "formats", "person.schema.json"))
		must(t, err)
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err == nil {
			err = s.Validate(v)
		}
		must(t, err)
		var p privacy.Person
		must(t, json.Unmarshal(b, &p, json.RejectUnknownMembers(true)))
		if got := slices.Sorted(maps.Keys(p.Kept)); !slices.Equal(got, slices.Sorted(maps.Keys(record.Shown()))) {
			t.Errorf("tables %v", got)
		}
		token, owner := p.Kept["token"], p.Kept["owner"]
		if len(token) != 1 || token[0]["label"] != "laptop" || token[0]["hash"] != nil || token[0]["public"] != nil || len(owner) != 1 || owner[0]["key"] != "alone" {
			t.Errorf("token %v, owner %v", token, owner)
		}
		if p.User != zebra || p.Kept["user_account"][0]["email"] != address || strings.Contains(string(b), "bob") {
			t.Errorf("%s", b)
		}
		list, err := h.book.Audits(ctx, 0, 1)
		if err != nil || len(list) != 1 || list[0].Action != "user.export" || list[0].Account != zebra {
			t.Errorf("the journal says %+v, %v", list, err)
		}
		if _, err := h.Export(ctx, "nobody", "admin"); kind(err) != bonded.NotFound {
			t.Errorf("somebody who is not there: %v", err)
		}
	})
}

var update = flag.Bool("update", false, "write the table of docs/formats/person.md anew")

// TestExportIsDocumented holds the table of docs/formats/person.md against what
// is exported. After a new column: go test ./registry/privacy -run TestExportIsDocumented -update
func TestExportIsDocumented(t *testing.T) {
	var want strings.Builder
	shown := record.Shown()
	for _, table := range slices.Sorted(maps.Keys(shown)) {
		fmt.Fprintf(&want, "| `%s` | `%s` |\n", table, strings.Join(shown[table], "`, `"))
	}
	path := filepath.Join("..", "..", "docs", "formats", "person.md")
	md, err := os.ReadFile(path)
	must(t, err)
	const head = "| table | fields of a row |\n|---|---|\n"
	before, have, found := strings.Cut(string(md), head)
	if !found {
		t.Fatal("docs/formats/person.md lacks the head of its table")
	}
	if *update {
		must(t, os.WriteFile(path, []byte(before+head+want.String()), 0o644))
		return
	}
	if have != want.String() {
		t.Errorf("docs/formats/person.md is not what is exported; run: go test ./registry/privacy -run TestExportIsDocumented -update\n%s", want.String())
	}
}
