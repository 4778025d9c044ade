package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v3"

	noun "bonded.dev"
	"bonded.dev/ecosystem/all"
)

var update = flag.Bool("update", false, "write testdata/access.golden anew")

// who asks. The stranger has every right to what is his; "no scope" is the
// owner with a token for something else.
var who = []string{"nobody", "stranger", "no scope", "owner"}

// deed is one thing that can be asked of the repository.
type deed struct {
	dialect string // id of an ecosystem, or house
	verb    string
	action  noun.Action // the right it takes; empty: none
	// needs is published by the owner before; its name stands for PKG in do.
	needs func(name string) []sending
	do    func(r *repository, name string) sending
}

const everything = "read,publish,tag,yank,delete,owner:*"

// TestAccess compares who may do what with a table that people read. A dialect
// or a right for which it has no row fails.
func TestAccess(t *testing.T) {
	t.Parallel()
	r := open(t, embedded)
	must(t, r.env, "admin", "user", "add", "bob", "--email", "bob@example.org")
	r.token("alice", "publish:npm/unrelated", "publish:pypi/unrelated")
	r.tokens["no scope"] = r.tokens["alice"]
	r.token("alice", everything)
	r.token("bob", everything)
	r.tokens["owner"], r.tokens["stranger"] = r.tokens["alice"], r.tokens["bob"]

	var table strings.Builder
	fmt.Fprintf(&table, "%-6s %-32s %-8s %s\n", "", "", "right", strings.Join(pad(who), " "))
	n := 0
	for _, d := range deeds() {
		statuses := make([]string, len(who))
		for i, w := range who {
			n++
			name := fmt.Sprintf("p%d", n)
			if d.needs != nil {
				r.take(d.needs(name)...)
			}
			s := d.do(r, name)
			s.token = w
			if w == "nobody" {
				s.token = "none"
			} else if d.dialect == "pypi" {
				s.token = "!Basic " + basic("__token__", r.tokens[w])
			}
			got := s.over(t, strings.TrimPrefix(r.node.url, "http://"), r.tokens)
			statuses[i] = fmt.Sprint(got.status)
			if got.status >= 500 && d.verb != "log in" {
				t.Errorf("%s %s by %s: %d %s", d.dialect, d.verb, w, got.status, got.body)
			}
		}
		right := string(d.action)
		if right == "" {
			right = "-"
		}
		fmt.Fprintf(&table, "%-6s %-32s %-8s %s\n", d.dialect, d.verb, right, strings.Join(pad(statuses), " "))
	}
	const golden = "testdata/access.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if table.String() != string(want) {
		t.Errorf("who may do what has changed; look at it, then: go test ./e2e -run TestAccess -update\n%s", difference(string(want), table.String()))
	}
	r.verified()
}

func pad(list []string) (out []string) {
	for _, s := range list {
		out = append(out, fmt.Sprintf("%-8s", s))
	}
	out[len(out)-1] = strings.TrimRight(out[len(out)-1], " ")
	return out
}

// TestAccessTableIsWhole holds the rows against what there is.
func TestAccessTableIsWhole(t *testing.T) {
	t.Parallel()
	rows := map[string]bool{}
	for _, d := range deeds() {
		rows[d.dialect+" "+string(d.action)] = true
	}
	// Owners and policies change on pages; no client of a dialect asks for it.
	exempt := map[string]bool{"npm owner": true, "pypi owner": true, "pypi tag": true, "npm policy": true, "pypi policy": true}
	for _, eco := range all.Ecosystems() {
		for _, action := range noun.Actions {
			row := eco.Info().ID + " " + string(action)
			if !rows[row] && !exempt[row] {
				t.Errorf("no row says who may %s in %s", action, eco.Info().ID)
			}
			if rows[row] && exempt[row] {
				t.Errorf("%s has a row and needs no exemption", row)
			}
		}
	}
	for _, kind := range []string{"yank", "unyank", "deprecate", "undeprecate", "status", "delete"} {
		if !slices.ContainsFunc(deeds(), func(d deed) bool { return d.verb == "change "+kind }) {
			t.Errorf("no row says who may make the change %s", kind)
		}
	}
}

func deeds() []deed {
	return slices.Concat(npmDeeds(), pypiDeeds(), changeDeeds(), houseDeeds(), interfaceDeeds())
}

func get(format string) func(*repository, string) sending {
	return func(_ *repository, name string) sending {
		return sending{method: "GET", path: strings.ReplaceAll(format, "PKG", name)}
	}
}

func npmPackages(name string) []sending {
	return []sending{
		npmPackage(name, "1.0.0").sending(), npmPackage(name, "1.1.0").sending(),
		{method: "PUT", path: "/npm/-/package/" + name + "/dist-tags/old", token: "alice", body: []byte(`"1.0.0"`)},
	}
}

func npmDeeds() []deed {
	const read = noun.ActRead
	return []deed{
		{"npm", "read a document", read, npmPackages, get("/npm/PKG")},
		{"npm", "read dist-tags", read, npmPackages, get("/npm/-/package/PKG/dist-tags")},
		{"npm", "read collaborators", read, npmPackages, get("/npm/-/package/PKG/collaborators")},
		{"npm", "fetch a tarball", read, npmPackages, get("/npm/PKG/-/PKG-1.0.0.tgz")},
		{"npm", "search", read, npmPackages, get("/npm/-/v1/search?text=PKG")},
		{"npm", "read keys", "", nil, get("/npm/-/npm/v1/keys")},
		{"npm", "ping", "", nil, get("/npm/-/ping")},
		{"npm", "whoami", "", nil, get("/npm/-/whoami")},
		{"npm", "profile", "", nil, get("/npm/-/npm/v1/user")},
		{"npm", "list tokens", "", nil, get("/npm/-/npm/v1/tokens")},
		{"npm", "log in", "", nil, func(*repository, string) sending {
			return sending{method: "POST", path: "/npm/-/v1/login", body: []byte("{}")}
		}},
		{"npm", "publish a new name", noun.ActPublish, nil, func(_ *repository, name string) sending { return npmPackage(name, "1.0.0").sending() }},
		{"npm", "publish a version", noun.ActPublish, npmPackages, func(_ *repository, name string) sending { return npmPackage(name, "2.0.0").sending() }},
		{"npm", "publish a version again", noun.ActPublish, npmPackages, func(_ *repository, name string) sending {
			return npmPackage(name, "1.0.0").with(`"description":"other bytes"`).sending()
		}},
		{"npm", "add a tag", noun.ActTag, npmPackages, func(_ *repository, name string) sending {
			return sending{method: "PUT", path: "/npm/-/package/" + name + "/dist-tags/next", body: []byte(`"1.0.0"`)}
		}},
		{"npm", "remove a tag", noun.ActTag, npmPackages, func(_ *repository, name string) sending {
			return sending{method: "DELETE", path: "/npm/-/package/" + name + "/dist-tags/old"}
		}},
		{"npm", "deprecate", noun.ActYank, npmPackages, func(r *repository, name string) sending {
			return r.edited("PUT", name, "", func(doc object) { doc["versions"].(object)["1.0.0"].(object)["deprecated"] = "no" })
		}},
		{"npm", "unpublish a version", noun.ActDelete, npmPackages, func(r *repository, name string) sending {
			return r.edited("PUT", name, "/-rev/REV", func(doc object) {
				delete(doc["versions"].(object), "1.1.0")
				doc["dist-tags"] = object{"latest": "1.0.0", "old": "1.0.0"}
			})
		}},
		{"npm", "delete a tarball", noun.ActDelete, npmPackages, func(r *repository, name string) sending {
			return r.edited("DELETE", name, "/-/"+name+"-1.1.0.tgz/-rev/REV", nil)
		}},
		{"npm", "unpublish the package", noun.ActDelete, npmPackages, func(r *repository, name string) sending {
			return r.edited("DELETE", name, "/-rev/REV", nil)
		}},
		{"npm", "change owners", "", npmPackages, func(r *repository, name string) sending {
			return r.edited("PUT", name, "/-rev/REV", func(doc object) {
				delete(doc, "versions")
				doc["maintainers"] = []object{{"name": "bob", "email": "bob@example.org"}}
			})
		}},
	}
}

// edited sends a package's document back as npm does, with its revision.
func (r *repository) edited(method, name, path string, edit func(doc object)) sending {
	r.t.Helper()
	_, b := fetch(r.t, r.node.url+"/npm/"+name)
	var doc object
	if err := json.Unmarshal(b, &doc); err != nil {
		r.t.Fatalf("reading the document of %s: %v\n%s", name, err, b)
	}
	s := sending{method: method, path: "/npm/" + name + strings.ReplaceAll(path, "REV", fmt.Sprint(doc["_rev"])), header: []string{"Content-Type: application/json"}}
	if edit != nil {
		edit(doc)
		s.body = toJSON(doc)
	}
	return s
}

func pypiReleases(name string) []sending {
	return []sending{wheel{name: name, version: "1.0"}.sending(), wheel{name: name, version: "1.1"}.sending()}
}

func pypiDeeds() []deed {
	const read = noun.ActRead
	return []deed{
		{"pypi", "read the list of projects", read, nil, get("/pypi/simple/")},
		{"pypi", "read a page", read, pypiReleases, get("/pypi/simple/PKG/")},
		{"pypi", "read a page as JSON", read, pypiReleases, get("/pypi/simple/PKG/?format=application/vnd.pypi.simple.v1%2Bjson")},
		{"pypi", "fetch a wheel", read, pypiReleases, get("/pypi/files/PKG/PKG-1.0-py3-none-any.whl")},
		{"pypi", "fetch metadata", read, pypiReleases, get("/pypi/files/PKG/PKG-1.0-py3-none-any.whl.metadata")},
		{"pypi", "upload a new project", noun.ActPublish, nil, func(_ *repository, name string) sending {
			return wheel{name: name, version: "1.0"}.sending()
		}},
		{"pypi", "upload a release", noun.ActPublish, pypiReleases, func(_ *repository, name string) sending {
			return wheel{name: name, version: "2.0"}.sending()
		}},
		{"pypi", "add a file to a release", noun.ActPublish, pypiReleases, func(_ *repository, name string) sending {
			return sdist{name: name, version: "1.0"}.sending()
		}},
		{"pypi", "upload a file again", noun.ActPublish, pypiReleases, func(_ *repository, name string) sending {
			return wheel{name: name, version: "1.0", fields: "Summary: other bytes"}.sending()
		}},
	}
}

// changeDeeds are the changes over JSON, on one dialect each: the way is the same.
func changeDeeds() (list []deed) {
	for _, c := range []struct {
		kind, version, more string
		action              noun.Action
	}{
		{"yank", "1.0", "", noun.ActYank},
		{"unyank", "1.1", "", noun.ActYank},
		{"deprecate", "1.0", `,"reason":"old"`, noun.ActYank},
		{"undeprecate", "1.1", "", noun.ActYank},
		{"status", "", `,"status":"archived"`, noun.ActYank},
		{"delete", "1.0", "", noun.ActDelete},
	} {
		list = append(list, deed{"pypi", "change " + c.kind, c.action,
			func(name string) []sending {
				return append(pypiReleases(name), change("pypi/"+name, "yank", "1.1"),
					sending{method: "POST", path: "/api/v1/changes", token: "alice", body: fmt.Appendf(nil, `{"package":"pypi/%s","change":"deprecate","version":"1.1","reason":"old"}`, name)})
			},
			func(_ *repository, name string) sending {
				version := ""
				if c.version != "" {
					version = `,"version":"` + c.version + `"`
				}
				return sending{method: "POST", path: "/api/v1/changes", body: fmt.Appendf(nil, `{"package":"pypi/%s","change":%q%s%s}`, name, c.kind, version, c.more)}
			}})
	}
	return list
}

// interfaceDeeds are the requests of our own interface, from its description: a
// new one is a new row, and the table fails until somebody looked at it. What
// ends the token of whoever asks comes last.
func interfaceDeeds() (list []deed) {
	var api struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	b, err := os.ReadFile("../registry/serve/openapi.yaml")
	if err == nil {
		err = yaml.Unmarshal(b, &api)
	}
	if err != nil {
		panic(err) // the file is part of this repository
	}
	var last []deed
	for _, path := range slices.Sorted(maps.Keys(api.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(api.Paths[path])) {
			s := sending{method: strings.ToUpper(method), path: strings.ReplaceAll(path, "{origin}", "none"), body: []byte("{}")}
			d := deed{"house", s.method + " " + path, "", nil, func(*repository, string) sending { return s }}
			if s.method == "DELETE" {
				last = append(last, d)
				continue
			}
			list = append(list, d)
		}
	}
	return append(list, last...)
}

func houseDeeds() (list []deed) {
	for _, path := range []string{
		"/", "/healthz", "/readyz", "/metrics", "/log/checkpoint", "/log/key",
		"/log/prove?name=npm/nobody", "/api/v1/openapi.yaml", "/.well-known/security.txt", "/enrol/unknown", "/nothing/here",
	} {
		list = append(list, deed{"house", "GET " + path, "", nil, get(path)})
	}
	for _, path := range []string{"/", "/log/checkpoint", "/npm/-/ping", "/pypi/simple/", "/enrol"} {
		list = append(list, deed{"house", "POST " + path, "", nil, func(*repository, string) sending {
			return sending{method: "POST", path: path, body: bytes.Repeat([]byte("x"), 10)}
		}})
	}
	return list
}
