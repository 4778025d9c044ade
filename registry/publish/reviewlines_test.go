package publish

import "testing"

func TestWhatRunsIsLoud(t *testing.T) {
	doc := `{"description":"x","package":{"scripts":{"postinstall":"node x"},"bin":{"a":"b"},"devDependencies":{"c.d":"^1"},"binary":"y"},
		"hasBindingGyp":true,"requires-dist":["e>1","f"],"keywords":["g"]}`
	want := map[string]bool{
		"description: x": false, "package.scripts.postinstall: node x": true, "package.bin.a: b": true,
		"package.devDependencies.c.d: ^1": true, "package.binary: y": false, "hasBindingGyp: true": true,
		"requires-dist: e>1": true, "requires-dist: f": true, "keywords: g": false,
	}
	got := values([]byte(doc))
	for line, isLoud := range want {
		if !got[line] || loud(line) != isLoud {
			t.Errorf("%q: found %v, loud %v", line, got[line], loud(line))
		}
	}
	if len(got) != len(want) {
		t.Errorf("lines: %v", got)
	}
}
