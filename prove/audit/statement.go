package audit

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"bonded.dev/prove/visit"
)

// Statement is what an attestation says, its signature unchecked.
type Statement struct {
	// Subjects are the digests that it is about, algorithm to value.
	Subjects  []map[string]string
	Predicate string // its type
}

// Statements finds in-toto statements in the answer of a registry. Each kind
// of registry wraps them its own way, but inside they are alike: base64 of a
// JSON object that has subjects.
func Statements(body []byte) (list []Statement) {
	var doc any
	if json.Unmarshal(body, &doc) != nil {
		return nil
	}
	walk(doc, func(s string) {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil || len(b) == 0 || b[0] != '{' {
			return
		}
		var told struct {
			Type     string `json:"_type"`
			Subjects []struct {
				Digest map[string]string `json:"digest"`
			} `json:"subject"`
			Predicate string `json:"predicateType"`
		}
		if json.Unmarshal(b, &told) != nil || !strings.Contains(told.Type, "in-toto") {
			return
		}
		st := Statement{Predicate: told.Predicate}
		for _, s := range told.Subjects {
			st.Subjects = append(st.Subjects, s.Digest)
		}
		list = append(list, st)
	})
	return list
}

// walk visits every string of a JSON document, in an order that does not change.
func walk(v any, do func(string)) {
	switch v := v.(type) {
	case string:
		do(v)
	case []any:
		for _, e := range v {
			walk(e, do)
		}
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			walk(v[k], do)
		}
	}
}

// About reports whether a statement is about a file: it states a digest that
// the index states too, and none that differs.
func (s Statement) About(f visit.File) bool {
	for _, subject := range s.Subjects {
		same := 0
		for kind, sum := range subject {
			switch f.Digests[kind] {
			case "":
			case strings.ToLower(sum):
				same++
			default:
				same = -len(subject)
			}
		}
		if same > 0 {
			return true
		}
	}
	return false
}
