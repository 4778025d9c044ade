package e2e

import (
	"path/filepath"
	"testing"
)

// TestStagedIsInTheBackup carries a repository elsewhere while a release waits.
func TestStagedIsInTheBackup(t *testing.T) {
	v, token := newVictim(t)
	for _, args := range [][]string{{"user", "add", "bob", "--email", "bob@example.org"}, {"user", "role", "bob", "moderator"}} {
		if out, code := v.bonded(append(append([]string{"admin"}, args...), "--data", v.data)...); code != 0 {
			t.Fatal(out)
		}
	}
	v.stop()
	v.env = []string{"BONDED_TWO_PERSON=new"}
	v.start("")
	if ok, answer := put(v.url, token, "left-pad", publication(t, "left-pad", "1.0.0")); !ok {
		t.Fatal(answer)
	}
	file, elsewhere := filepath.Join(t.TempDir(), "b.tar"), filepath.Join(t.TempDir(), "elsewhere")
	if out, code := v.bonded("backup", file, "--data", v.data); code != 0 {
		t.Fatal(out)
	}
	v.stop()
	if out, code := v.bonded("restore", file, "--data", elsewhere); code != 0 {
		t.Fatal(out)
	}
	v.data = elsewhere
	if err := approveAll(v.data, nil, "bob"); err != nil {
		t.Fatal(err)
	}
	v.start("")
	if document, artifact := served(t, v.url, "left-pad", "1.0.0"); !document || !artifact {
		t.Errorf("after a restore and the approval: document %v, artifact %v", document, artifact)
	}
	if out, code := v.bonded("log", "verify", v.url); code != 0 {
		t.Error(out)
	}
}
