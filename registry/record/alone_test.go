package record_test

import (
	"errors"
	"path/filepath"
	"testing"

	"bonded.dev"
	"bonded.dev/registry/record"
)

func TestOnlyOneServesFromSQLite(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "bonded.db")
	var books [2]*record.Book
	for i := range books {
		b, err := record.Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		books[i] = b
	}
	release, err := books[0].Alone(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = books[1].Alone(t.Context())
	var known *bonded.Error
	if !errors.As(err, &known) || known.Kind != bonded.Conflict {
		t.Fatalf("a second server was let in: %v", err)
	}
	release()
	again, err := books[1].Alone(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again()
}
