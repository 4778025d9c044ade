package artifactmetadata

import (
	"context"
	"fmt"
	"strings"

	"bonded.dev/prove/audit"
)

// Probe holds what the index says of a release against what its file says of
// itself. That both agree may be the honesty of those who published; that they
// do not is a hole, so that this is never seen to be held.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	samples, err := v.Samples(ctx)
	if err != nil {
		return audit.Finding{}, err
	}
	compared := 0
	var seen []audit.Evidence
	for _, s := range samples {
		inside, ok := inside(v.Kind(), s)
		if !ok {
			continue
		}
		compared++
		if list := differences(s, inside); len(list) > 0 {
			return audit.Say(audit.NotHeld, fmt.Sprintf("the index says something else of %s than the file itself: %s", s.File.Name, strings.Join(list, ", ")),
				audit.Evidence{URL: s.Package.Index.URL, Saw: "the index: " + list[0]}, audit.Evidence{URL: s.File.URL, Saw: "the file says otherwise"})
		}
		seen = append(seen, audit.Evidence{URL: s.File.URL, Saw: "says the same as the index"})
	}
	if compared == 0 {
		return audit.Say(audit.Unknown, "no file could be read whose manifest could be held against the index")
	}
	return audit.Say(audit.Unknown, "index and file say the same of "+audit.Count(compared, "release")+"; whether a lie would be refused shows only an upload", seen...)
}

// differences names what the index says and the file does not, or the other way
// round, of what decides what is installed and run.
func differences(s audit.Sample, in manifest) (list []string) {
	told := s.Release.Manifest
	if in.name != "" && told.Name != "" && !same(in.name, told.Name) {
		list = append(list, "name")
	}
	if in.version != "" && s.Release.Version != in.version {
		list = append(list, "version")
	}
	if (told.Dependencies != nil || in.complete) && !agree(in.needs, told.Dependencies) {
		list = append(list, "dependencies")
	}
	if in.script && !s.Release.Scripts && told.Script == "" {
		list = append(list, "an install script")
	}
	return list
}

func agree(inside map[string]bool, told map[string]string) bool {
	for name := range told {
		if !inside[name] {
			return false
		}
	}
	return len(inside) == len(told)
}

func same(a, b string) bool { return normal(a) == normal(b) }

// normal is PEP 503; npm's names are one spelling each, and stay apart.
func normal(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' }), "-")
}
