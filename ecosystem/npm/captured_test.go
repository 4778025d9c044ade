package npm_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev"
	"bonded.dev/ecosystem/ecosystemtest"
	"bonded.dev/ecosystem/npm"
)

var update = flag.Bool("update", false, "write the golden files anew")

// captured makes a request of a body that a real client sent; the files are
// called <package>-<client>-<version>.json.
func captured(t *testing.T, file string) ecosystemtest.Request {
	t.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	return ecosystemtest.Request{Case: file, Method: "PUT", URL: strings.Replace(doc.Name, "/", "%2f", 1), Body: body}
}

// TestHonestClients publishes what npm 6, 8 and 11, pnpm 10 and yarn 1 and 4
// made of the same odd packages. None of them lies, and the registry serves the
// same whoever published.
func TestHonestClients(t *testing.T) {
	files, err := filepath.Glob("testdata/captured/*.json")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d captured bodies, %v", len(files), err)
	}
	served := map[string]string{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			d := ecosystemtest.NewDesk(t, npm.Ecosystem{})
			_, draft, err := d.Draft(captured(t, file))
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range draft.Anomalies {
				t.Errorf("%+v", a)
			}
			d.Admit(t, draft)
			got := withoutDigests(t, document(d, draft.Name.Key, "abbreviated.json"))
			// yarn 4 was given the same package without its dependencies.
			if want, ok := served[draft.Name.Key]; !ok {
				served[draft.Name.Key] = got
			} else if got != want && !strings.Contains(file, "yarn-4") {
				t.Errorf("the served document differs from that of another client:\n%s\n%s", got, want)
			}
		})
	}
}

// withoutDigests drops what depends on how the tarball was packed.
func withoutDigests(t *testing.T, doc []byte) string {
	t.Helper()
	var v struct {
		Versions map[string]map[string]jsontext.Value `json:"versions"`
	}
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	for _, m := range v.Versions {
		delete(m, "dist")
	}
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestGoldenDocuments(t *testing.T) {
	d := ecosystemtest.NewDesk(t, npm.Ecosystem{})
	for _, r := range []ecosystemtest.Request{
		captured(t, "testdata/captured/odd-one-npm-11.json"), captured(t, "testdata/captured/acme-dirs-npm-11.json"),
		publish("left-pad", "latest", leftPad, leftPadTarball()), simple("left-pad", "1.1.0", "latest"), simple("left-pad", "1.2.0", "next"),
		put("deprecate", "left-pad", object{"versions": object{"1.0.0": object{"deprecated": "use <1.1.0>"}}}),
		{Case: "unpublish", From: unpublish("left-pad", "1.1.0")},
	} {
		_, draft, err := d.Draft(r)
		if err != nil {
			t.Fatal(err)
		}
		d.Admit(t, draft)
	}
	golden(t, "odd-one.full.json", document(d, "odd-one", "full.json"))
	golden(t, "odd-one.abbreviated.json", document(d, "odd-one", "abbreviated.json"))
	golden(t, "dirs.latest.json", document(d, "@acme/dirs", "latest.json"))
	for _, doc := range []string{"full", "abbreviated", "dist-tags", "collaborators", "visibility"} {
		golden(t, "left-pad."+doc+".json", document(d, "left-pad", doc+".json"))
	}
	golden(t, "keys.json", keys(t, d))
}

func keys(t *testing.T, d *ecosystemtest.Desk) []byte {
	t.Helper()
	docs, err := d.Eco.RenderHouse(d.House, d)
	if err != nil || len(docs) != 1 {
		t.Fatal(len(docs), err)
	}
	b, err := docs[0].Parts[0].Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// golden compares a document with its file, which is indented to be read.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	v := jsontext.Value(bytes.Clone(got))
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		t.Fatalf("%s: %v: %s", file, err, got)
	}
	got = append(v, '\n')
	path := filepath.Join("testdata/golden", file)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at it, then go test ./ecosystem/npm -update\n%s", path, got)
	}
}

// TestSignaturesVerify checks a release as npm audit signatures does, from
// nothing but the served documents (pacote lib/registry.js).
func TestSignaturesVerify(t *testing.T) {
	d := ecosystemtest.NewDesk(t, npm.Ecosystem{})
	_, draft, err := d.Draft(publish("left-pad", "latest", leftPad, leftPadTarball()))
	if err != nil {
		t.Fatal(err)
	}
	d.Admit(t, draft)
	var ring struct {
		Keys []struct {
			KeyID string `json:"keyid"`
			Key   []byte `json:"key"`
		} `json:"keys"`
	}
	var m struct {
		ID   string `json:"_id"`
		Dist struct {
			Integrity  string `json:"integrity"`
			Signatures []struct {
				KeyID string `json:"keyid"`
				Sig   string `json:"sig"`
			} `json:"signatures"`
		} `json:"dist"`
	}
	if err := json.Unmarshal(keys(t, d), &ring); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(document(d, "left-pad", "latest.json"), &m); err != nil {
		t.Fatal(err)
	}
	public, err := x509.ParsePKIXPublicKey(ring.Keys[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := base64.StdEncoding.DecodeString(m.Dist.Signatures[0].Sig)
	if err != nil || m.Dist.Signatures[0].KeyID != ring.Keys[0].KeyID {
		t.Fatal(err, m.Dist.Signatures, ring.Keys)
	}
	sum := sha256.Sum256([]byte(m.ID + ":" + m.Dist.Integrity))
	if !ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), sum[:], sig) {
		t.Error("the signature does not verify")
	}
}

// TestDraftOfARelease holds the parts of a draft that no document shows.
func TestDraftOfARelease(t *testing.T) {
	d := ecosystemtest.NewDesk(t, npm.Ecosystem{})
	_, draft, err := d.Draft(publish("left-pad", "next", leftPad, leftPadTarball()))
	if err != nil {
		t.Fatal(err)
	}
	var requires, tags []string
	for _, n := range draft.Requires {
		requires = append(requires, n.Key)
	}
	for _, f := range draft.Facts {
		if f.Type == bonded.SetTag {
			tags = append(tags, f.Tag+"="+f.Version)
		}
	}
	if got := strings.Join(requires, " "); got != "@acme/real repeat host" {
		t.Errorf("requires %q", got)
	}
	if got := strings.Join(tags, " "); got != "next=1.0.0 latest=1.0.0" {
		t.Errorf("tags %q: the first version is always the latest", got)
	}
	if s := draft.Summary; s == nil || s.Version != "1.0.0" || s.Description != `pads "left" <&>` || s.License != "WTFPL" || len(s.Keywords) != 2 {
		t.Errorf("summary %+v", s)
	}
	if got := string(draft.Statements[0].Text); !strings.HasPrefix(got, "left-pad@1.0.0:sha512-") {
		t.Errorf("statement %q", got)
	}
	_, second, err := d.Draft(simple("left-pad", "1.0.1", "next"))
	if err != nil {
		t.Fatal(err)
	}
	d.Admit(t, draft)
	if _, second, err = d.Draft(simple("left-pad", "1.0.1", "next")); err != nil || second.Summary != nil || len(second.Facts) != 2 {
		t.Errorf("a version that is not the latest drafts %+v, %v", second, err)
	}
}
