package main

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestSettingsAreDocumented holds the table of docs/administrators.md against
// the settings: flags, and what stands in the file alone.
func TestSettingsAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/administrators.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(b), "\n## Settings\n")
	section, _, _ = strings.Cut(section, "\n## ")
	flags := []string{"log-reads", "log-clients"}
	for _, s := range settings {
		if s.secret {
			if name := "BONDED_" + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_")); !strings.Contains(section, name) {
				t.Errorf("the table has no %s", name)
			}
			continue
		}
		flags = append(flags, s.name)
	}
	for _, name := range flags {
		if !strings.Contains(section, "`--"+name+"`") {
			t.Errorf("the table has no --%s", name)
		}
	}
	for f := range reflect.TypeFor[config]().Fields() {
		if name := f.Tag.Get("yaml"); name != "log-reads" && name != "log-clients" && !strings.Contains(section, "`"+name) {
			t.Errorf("the table has no %s of the file", name)
		}
	}
}
