package record

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bonded.dev"
)

// columnsOf asks the database itself what it holds.
func columnsOf(t *testing.T, b *Book) map[string][]string {
	t.Helper()
	query := `SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`
	if b.path == "" {
		query = `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()`
	}
	rows, err := b.read.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		all[table] = append(all[table], column)
	}
	if err := rows.Err(); err != nil || len(all) < 20 {
		t.Fatalf("%d tables, %v", len(all), err)
	}
	return all
}

// TestEveryColumnSaysWhatItHolds fails for a new table or column until
// holdings.go says what export and erasure do with it.
func TestEveryColumnSaysWhatItHolds(t *testing.T) {
	kinds := []string{who, by, words, unsaid, secret, text, number, flagged, moment, hidden}
	withBook(t, func(t *testing.T, b *Book) {
		have := columnsOf(t, b)
		for _, h := range personal {
			var names []string
			for _, c := range h.columns {
				names = append(names, c.name)
				if !slices.Contains(kinds, c.kind) {
					t.Errorf("%s.%s is of no kind: %q", h.table, c.name, c.kind)
				}
			}
			is := have[h.table]
			slices.Sort(is)
			slices.Sort(names)
			if !slices.Equal(is, names) {
				t.Errorf("%s: the database has the columns %v, holdings.go %v: say there what export and erasure do with each", h.table, is, names)
			}
			delete(have, h.table)
		}
		for table, why := range impersonal {
			if _, ok := have[table]; !ok || why == "" {
				t.Errorf("holdings.go names the table %s, which is not there", table)
			}
			delete(have, table)
		}
		for table := range have {
			t.Errorf("the table %s stands in neither list of holdings.go: does it speak of people?", table)
		}
	})
}

const (
	marked  = "zebrafish"
	address = "zebra.mail@stripes.example"
)

// fill writes a row that names the marked user into every table that can.
func fill(t *testing.T, b *Book) {
	t.Helper()
	update(t, b, func(tx *Tx) error {
		for _, u := range []User{{Name: marked, Email: address, Created: noon}, {Name: "bob", Email: "bob@other.example", Created: noon}} {
			if err := tx.AddUser(u); err != nil {
				return err
			}
		}
		if err := tx.PutDomain(Domain{Name: "stripes.example", State: "well"}); err != nil {
			return err
		}
		if _, err := tx.exec("x", `INSERT INTO org (name, created, two_person) VALUES ('acme', 1, 0)`); err != nil {
			return err
		}
		return tx.Claim(npm("pad"), 1)
	})
	for _, h := range personal {
		if h.table == "user_account" {
			continue
		}
		update(t, b, func(tx *Tx) error { return fillTable(tx, h) })
	}
}

func fillTable(tx *Tx, h holding) error {
	var names, values []string
	for _, c := range h.columns {
		if h.table == "audit" && c.name == "id" {
			continue
		}
		v := "7"
		switch {
		case c.kind == who || c.kind == by:
			v = "'" + marked + "'"
		case c.kind == unsaid:
			v = `CAST('{"user":"` + marked + `","email":"` + address + `"}' AS BLOB)`
		case c.kind == words:
			v = "'of " + marked + ", " + marked + " at " + address + " and npm/" + marked + "-tool'"
		case c.name == "org":
			v = "'acme'"
		case c.kind == text:
			v = "'some text'"
		}
		if binary[h.table+"."+c.name] {
			v = "x'0102'"
			if tx.b.path == "" {
				v = `'\x0102'`
			}
		}
		if h.table == "password" && c.name == "hash" {
			v = "'argon'"
		}
		names, values = append(names, c.name), append(values, v)
	}
	q := `INSERT INTO ` + h.table + ` (` + strings.Join(names, ", ") + `) VALUES (` + strings.Join(values, ", ") + `)`
	if tx.b.path == "" {
		q = strings.ReplaceAll(q, "CAST('", "convert_to('")
		q = strings.ReplaceAll(q, "' AS BLOB)", "', 'UTF8')")
	}
	_, err := tx.exec("fill "+h.table, q)
	return err
}

var binary = map[string]bool{
	"enrolment.hash": true, "passkey.id": true, "passkey.body": true, "totp.sealed": true, "recovery_code.hash": true,
	"session.hash": true, "device.hash": true, "ceremony.hash": true, "ceremony.body": true, "token.hash": true,
	"token.public": true, "staged.body": true, "waiting.cancel": true,
}

func TestEraseLeavesNoTrace(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		fill(t, b)
		erase := func() error {
			return b.Update(t.Context(), func(tx *Tx) error { return tx.EraseUser(marked, "erased-abc", noon) })
		}
		wantKind(t, erase(), bonded.Unavailable) // without a key
		b.NameKey([]byte("a key"))
		wantKind(t, erase(), bonded.Conflict) // an owner still
		shown, err := b.Personal(t.Context(), marked)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range personal {
			if len(h.of(who, by)) > 0 && len(shown[h.table]) == 0 {
				t.Errorf("%s is not shown: %v", h.table, shown[h.table])
			}
		}
		if e := shown["user_account"][0]["email"]; e != address {
			t.Errorf("the account is shown with %v", shown["user_account"])
		}
		text, err := json.Marshal(shown)
		if err != nil || strings.Contains(string(text), "argon") || strings.Contains(string(text), `\u0001`) {
			t.Errorf("secrets are shown: %s, %v", text, err)
		}
		update(t, b, func(tx *Tx) error {
			_, err := tx.exec("x", `DELETE FROM owner`)
			return err
		})
		if err := erase(); err != nil {
			t.Fatal(err)
		}
		if err := b.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		wholeOf(t, b)
		again := func(name string) error {
			return b.Update(t.Context(), func(tx *Tx) error { return tx.AddUser(User{Name: name, Created: noon}) })
		}
		wantKind(t, again(marked), bonded.Conflict)
		if err := again("carol"); err != nil {
			t.Error(err)
		}
		b.NameKey(nil)
		wantKind(t, again("dora"), bonded.Unavailable) // nobody can say
		u, err := b.User(t.Context(), "erased-abc")
		if err != nil || u.Erased != noon || u.Disabled != noon || u.Email != "" {
			t.Errorf("%+v, %v", u, err)
		}
		list, err := b.Audits(t.Context(), 0, 9)
		if err != nil || len(list) != 1 || list[0].Actor != "erased-abc" ||
			list[0].Detail != "of erased-abc, erased-abc at erased-abc and npm/zebrafish-tool" {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// wholeOf looks through every text of the database, and through the bytes of
// the file, for the name and the address.
func wholeOf(t *testing.T, b *Book) {
	t.Helper()
	for table, columns := range columnsOf(t, b) {
		for _, c := range columns {
			var n int
			q := `SELECT count(*) FROM ` + table + ` WHERE CAST(` + c + ` AS TEXT) LIKE '%' || $1 || '%'`
			if b.path == "" && binary[table+"."+c] {
				continue
			}
			for _, mark := range []string{"'" + marked + "'", " " + marked, `"` + marked, marked + "@", address} {
				if err := b.read.QueryRowContext(t.Context(), q, mark).Scan(&n); err != nil || n > 0 {
					t.Errorf("%s.%s still holds %q (%d times, %v)", table, c, mark, n, err)
				}
			}
			if err := b.read.QueryRowContext(t.Context(), `SELECT count(*) FROM `+table+` WHERE CAST(`+c+` AS TEXT) = $1`, marked).Scan(&n); err != nil || n > 0 {
				t.Errorf("%s.%s still is the name (%d times, %v)", table, c, n, err)
			}
		}
	}
	if b.path == "" {
		return
	}
	files, err := filepath.Glob(b.path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		whole, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		whole = bytes.ReplaceAll(whole, []byte("npm/"+marked+"-tool"), nil)
		if bytes.Contains(whole, []byte(marked)) || bytes.Contains(whole, []byte(address)) {
			t.Errorf("%s still holds the name or the address", f)
		}
	}
}

func TestWithout(t *testing.T) {
	for in, want := range map[string]string{
		"alice":                      "X",
		"alice alice,alice":          "X X,X",
		"malice alice-b alicea":      "malice alice-b alicea",
		"npm/alice @alice/x alice/y": "npm/alice @alice/x alice/y",
		"to alice. Alice@X.org":      "to X. X",
		`{"user":"alice"}`:           `{"user":"X"}`,
	} {
		if got := without(in, "alice", "alice@x.org", "X"); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestSoleOwner(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		update(t, b, func(tx *Tx) error {
			for _, u := range []string{"alice", "bob"} {
				if err := tx.AddUser(User{Name: u, Created: noon}); err != nil {
					return err
				}
			}
			for _, q := range []string{
				`INSERT INTO org (name, created, two_person) VALUES ('both', 1, 0), ('hers', 1, 0)`,
				`INSERT INTO member (org, user_name, role, since) VALUES ('both', 'alice', 'owner', 1), ('both', 'bob', 'owner', 1),
					('hers', 'alice', 'owner', 1), ('hers', 'bob', 'member', 1)`,
			} {
				if _, err := tx.exec("x", q); err != nil {
					return err
				}
			}
			for _, o := range [][2]string{{"one", "alice"}, {"two", "alice"}, {"two", "@both"}} {
				if err := tx.AddOwner(npm(o[0]), o[1]); err != nil {
					return err
				}
			}
			return nil
		})
		packages, orgs, err := b.SoleOwner(t.Context(), "alice")
		if err != nil || len(packages) != 1 || packages[0].Key != "one" || !slices.Equal(orgs, []string{"hers"}) {
			t.Errorf("%v, %v, %v", packages, orgs, err)
		}
		if packages, orgs, err = b.SoleOwner(t.Context(), "bob"); err != nil || len(packages)+len(orgs) != 0 {
			t.Errorf("%v, %v, %v", packages, orgs, err)
		}
	})
}
