package record

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"bonded.dev"
)

// schemaWith is the schema of a later bonded, with more migrations.
func schemaWith(t *testing.T, more ...string) fs.FS {
	t.Helper()
	m := fstest.MapFS{}
	err := fs.WalkDir(schema, "schema", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := schema.ReadFile(path)
		m[path] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range more {
		for _, dialect := range []string{"sqlite", "postgres"} {
			m[fmt.Sprintf("schema/%s/%05d_later.sql", dialect, newest(t)+1+i)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text)}
		}
	}
	return m
}

// newest is the version of the schema that this code knows.
func newest(t *testing.T) int {
	t.Helper()
	list, err := fs.ReadDir(schema, "schema/sqlite")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

const later = "CREATE TABLE later (id BIGINT PRIMARY KEY);\nINSERT INTO later SELECT count(*) FROM mark;\n"

func openWith(t *testing.T, dsn string, migrations fs.FS) error {
	t.Helper()
	b, err := open(t.Context(), dsn, migrations)
	if err != nil {
		return err
	}
	return b.Close()
}

func TestOlderSchemaIsUpgradedAndNewerRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		b := openBook(t, dsn)
		update(t, b, func(tx *Tx) error { return tx.SetMark("kept", 42) })
		wider := schemaWith(t, later)
		for range 2 {
			if err := openWith(t, dsn, wider); err != nil {
				t.Fatal(err)
			}
		}
		b2, err := open(t.Context(), dsn, wider)
		if err != nil {
			t.Fatal(err)
		}
		defer b2.Close()
		var moved int
		if err := b2.read.QueryRowContext(t.Context(), `SELECT id FROM later`).Scan(&moved); err != nil || moved != 1 {
			t.Errorf("the upgrade ran on %d rows: %v", moved, err)
		}
		view(t, b2, func(tx *Tx) error {
			m, err := tx.Mark("kept")
			if m != 42 {
				t.Error("the upgrade lost a row")
			}
			return err
		})
		_, err = Open(t.Context(), dsn)
		wantKind(t, err, bonded.Unsupported)
		want := fmt.Sprintf("it has schema version %d and this bonded knows versions up to %d;", newest(t)+1, newest(t))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	})
}

// TestFailedUpgradeChangesNothing: a migration that breaks half way is undone.
func TestFailedUpgradeChangesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		openBook(t, dsn)
		err := openWith(t, dsn, schemaWith(t, "CREATE TABLE later (id BIGINT);\nINSERT INTO nowhere VALUES (1);\n"))
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("upgrade its schema from version %d to %d", newest(t), newest(t)+1)) {
			t.Fatalf("got %v", err)
		}
		if err := openWith(t, dsn, schemaWith(t, later)); err != nil {
			t.Errorf("the same upgrade, mended: %v", err)
		}
	})
}

func TestManyOpenAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				b, err := Open(context.Background(), dsn)
				if err != nil {
					t.Error(err)
					return
				}
				if err := errors.Join(b.Check(context.Background()), b.Close()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

// TestSchemasAgree holds the two folders against each other: the same
// versions, tables and columns.
func TestSchemasAgree(t *testing.T) {
	shapes := map[string]string{}
	onBoth(t, func(t *testing.T, dsn string) {
		b := openBook(t, dsn)
		text := `SELECT m.name || '.' || p.name FROM sqlite_schema m JOIN pragma_table_info(m.name) p
			WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name <> 'schema_version' ORDER BY 1`
		if b.dialect.name == "postgres" {
			text = `SELECT table_name || '.' || column_name FROM information_schema.columns
				WHERE table_schema = current_schema() AND table_name <> 'schema_version' ORDER BY (table_name || '.' || column_name) COLLATE "C"`
		}
		view(t, b, func(tx *Tx) error {
			list, err := tx.strings("read the schema", text)
			shapes[b.dialect.name] = strings.Join(list, "\n")
			if len(list) < 50 {
				t.Errorf("only %d columns: %v", len(list), list)
			}
			for i := range tables {
				for _, c := range tables[i].columns {
					if !strings.Contains(shapes[b.dialect.name]+"\n", tables[i].name+"."+c+"\n") {
						t.Errorf("the schema has no column %s.%s", tables[i].name, c)
					}
				}
			}
			return err
		})
	})
	if len(shapes) == 2 && shapes["sqlite"] != shapes["postgres"] {
		t.Errorf("the schemas differ:\n%s\n\n%s", shapes["sqlite"], shapes["postgres"])
	}
}

// TestIndexesServe asks the databases how they would run the statements that
// must not read whole tables.
func TestIndexesServe(t *testing.T) {
	b := openBook(t, "sqlite:"+filepath.Join(t.TempDir(), "bonded.db"))
	for text, index := range map[string]string{
		`SELECT idx, body FROM entry WHERE idx >= 1 AND type IN ('genesis', 'site', 'key', 'name') ORDER BY idx LIMIT 1024`: "entry_house",
		`SELECT idx, body FROM entry WHERE idx >= 1 AND eco = 'a' AND pkg = 'b' ORDER BY idx LIMIT 1024`:                    "entry_package",
		`SELECT count(*) FROM requires WHERE dep_eco = 'a' AND dep_key = 'b' AND NOT (eco = 'a' AND key = 'b')`:             "requires_back",
		`SELECT eco FROM file WHERE idx >= 1 AND idx < 9 ORDER BY idx`:                                                      "sqlite_autoindex_file",
		`SELECT key FROM package WHERE eco = 'a' AND ` + skeleton + ` = 'b'`:                                                "package_skeleton",
	} {
		var id, parent, unused int
		var plan string
		if err := b.read.QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN "+text).Scan(&id, &parent, &unused, &plan); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, "INDEX "+index) {
			t.Errorf("%s\n\truns as %s, not by %s", text, plan, index)
		}
	}
}

func TestOddPathsAndModes(t *testing.T) {
	for _, name := range []string{"plain.db", "a b%20?c#d&_pragma=x.db", "ümläut;'\".db"} {
		path := filepath.Join(t.TempDir(), name)
		b := openBook(t, "sqlite:"+path)
		update(t, b, func(tx *Tx) error { return tx.SetMark("m", 1) })
		for _, suffix := range []string{"", "-wal", ".lock"} {
			info, err := os.Stat(path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s%s can be read by others: %v", name, suffix, info.Mode())
			}
		}
		var mode, sync string
		if err := b.write.QueryRowContext(t.Context(), "SELECT * FROM pragma_journal_mode, pragma_synchronous").Scan(&mode, &sync); err != nil || mode != "wal" || sync != "2" {
			t.Errorf("journal mode %s, synchronous %s, %v", mode, sync, err)
		}
	}
}

func TestBadAddressesTellNoPassword(t *testing.T) {
	for _, dsn := range []string{"", "mysql://u:hush@h/db", "bonded.db", "postgres://u:hush@h:notaport/db", "postgres://u:hu%zzsh@h/db", "postgres://u:hush@h/db?sslmode=nonsense"} {
		_, err := Open(t.Context(), dsn)
		wantKind(t, err, bonded.Invalid)
		_, _, public := bonded.Explain(err)
		if err == nil || strings.Contains(err.Error(), "hush") || strings.Contains(public, "hu%zzsh") {
			t.Errorf("%s: the error tells the password: %v", dsn, err)
		}
	}
	if _, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "absent", "bonded.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	text := filepath.Join(t.TempDir(), "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), "sqlite:"+text); err == nil || !strings.Contains(err.Error(), "not a database") {
		t.Errorf("a file that is no database: %v", err)
	}
}

func TestBackupIsWholeWhileOthersWrite(t *testing.T) {
	dir := t.TempDir()
	b := openBook(t, "sqlite:"+filepath.Join(dir, "bonded.db"))
	update(t, b, func(tx *Tx) error { return tx.SetMark("m", 1) })
	path := filepath.Join(dir, "it's a copy.db")
	update(t, b, func(tx *Tx) error {
		if err := errors.Join(tx.SetMark("m", 2), tx.Flush()); err != nil {
			return err
		}
		return b.Backup(t.Context(), path) // in the middle of somebody's transaction
	})
	wantKind(t, b.Backup(t.Context(), path), bonded.Conflict)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the copy: %v, %v", info, err)
	}
	c := openBook(t, "sqlite:"+path)
	view(t, c, func(tx *Tx) error {
		m, err := tx.Mark("m")
		if m != 1 {
			t.Errorf("the copy has mark %d, not the one that was committed", m)
		}
		return err
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lost := filepath.Join(dir, "lost.db")
	if err := b.Backup(ctx, lost); err == nil {
		t.Error("a cancelled backup is no error")
	}
	if _, err := os.Stat(lost); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a cancelled backup left a file: %v", err)
	}
}

func TestBackupOfPostgresNamesTheTool(t *testing.T) {
	b := openBook(t, postgres(t))
	err := b.Backup(t.Context(), filepath.Join(t.TempDir(), "x"))
	wantKind(t, err, bonded.Unsupported)
	if err == nil || !strings.Contains(err.Error(), "pg_dump") {
		t.Errorf("got %v", err)
	}
}
