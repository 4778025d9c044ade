package all_test

import (
	"os"
	"path/filepath"
	"testing"

	"bonded.dev/controls/all"
)

// TestDrills holds the table against the folders: a control that is gone would
// be spoken for by nobody, and a threat without attacks speaks for none.
func TestDrills(t *testing.T) {
	there := func(path ...string) {
		t.Helper()
		if _, err := os.Stat(filepath.Join(path...)); err != nil {
			t.Error(err)
		}
	}
	for id, d := range all.Drills() {
		there("..", id, "control.md")
		if len(d.Threats) == 0 {
			t.Errorf("%s: no threat speaks for it", id)
		}
		for _, threat := range d.Threats {
			there("..", "..", "threats", threat, "attack.go")
		}
	}
}

// TestProbes holds the list against the folders.
func TestProbes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "*", "probe.go"))
	if err != nil {
		t.Fatal(err)
	}
	probes := all.Probes()
	for _, f := range files {
		if id := filepath.Base(filepath.Dir(f)); probes[id] == nil {
			t.Errorf("%s has a probe that is not listed", id)
		}
	}
	if len(files) != len(probes) {
		t.Errorf("%d files, %d probes", len(files), len(probes))
	}
}
