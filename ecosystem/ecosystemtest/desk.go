package ecosystemtest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/blake2b"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// SiteURL is where the test's repository says it is.
const SiteURL = "https://registry.example/"

// Owner is who owns whatever the desk publishes.
const Owner = "alice"

// Desk stands in for the way in: it asks, drafts, and logs what it is told to,
// without judging. Everything is in memory, the clock is a counter and the key
// is fixed, so that two runs make the same bytes.
type Desk struct {
	Eco   ecosystem.Ecosystem
	House *bonded.House
	// Key signs the drafts' statements; its public half is in House.Keys.
	Key *ecdsa.PrivateKey
	// Keep, when set, is asked before bytes are kept; its error stops them.
	Keep func() error

	log   []bonded.Entry
	packs map[string]*bonded.Package
	docs  map[bonded.Digest][]byte
	kept  map[string][]byte
	keyID string
}

// NewDesk opens a repository that holds nothing but its key.
func NewDesk(t testing.TB, eco ecosystem.Ecosystem) *Desk {
	t.Helper()
	d := &Desk{
		Eco: eco, House: &bonded.House{}, Key: testKey(t),
		packs: map[string]*bonded.Package{}, docs: map[bonded.Digest][]byte{}, kept: map[string][]byte{},
	}
	public, err := x509.MarshalPKIXPublicKey(&d.Key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(public)
	d.keyID = "SHA256:" + base64.StdEncoding.EncodeToString(sum[:])
	d.append(t, bonded.Entry{Type: bonded.Genesis, Origin: "registry.example/log"})
	d.append(t, bonded.Entry{Type: bonded.Site, URL: SiteURL})
	d.append(t, bonded.Entry{Type: bonded.Key, Key: bonded.RegistryKey{Ecosystem: eco.Info().ID, ID: d.keyID, Public: public}})
	return d
}

// testKey is nobody's secret: it is the hash of a constant.
func testKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	sum := sha256.Sum256([]byte("ecosystemtest"))
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Head is the index the next fact will get.
func (d *Desk) Head() uint64 { return uint64(len(d.log)) }

// Package returns the state of a package; Head is 0 for one nobody claimed.
func (d *Desk) Package(n bonded.Name) *bonded.Package {
	if p := d.packs[n.Key]; p != nil {
		return p
	}
	return &bonded.Package{Name: n}
}

// Refold computes the state of a package from the log, sharing nothing with Package.
func (d *Desk) Refold(t testing.TB, n bonded.Name) *bonded.Package {
	t.Helper()
	p, err := bonded.Fold(n, func(yield func(uint64, bonded.Entry) bool) {
		for i, e := range d.log {
			if !yield(uint64(i), e) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Doc looks up a document by its digest.
func (d *Desk) Doc(g bonded.Digest) ([]byte, error) {
	if b, ok := d.docs[g]; ok {
		return bytes.Clone(b), nil
	}
	return nil, bonded.Errorf(bonded.NotFound, "no document %s", g.Hex())
}

// Forget deletes a document, as an administrator may.
func (d *Desk) Forget(g bonded.Digest) { delete(d.docs, g) }

// Kept returns bytes that a draft kept.
func (d *Desk) Kept(k bonded.Kept) []byte { return d.kept[k.ID] }

// Ask hands a request's head to the dialect.
func (d *Desk) Ask(r Request) (ecosystem.Ask, error) { return ask(d.Eco, d.made(r)) }

func (d *Desk) made(r Request) Request {
	if r.From == nil {
		return r
	}
	name := r.Case
	r = r.From(d)
	r.Case = name
	return r
}

func ask(eco ecosystem.Ecosystem, r Request) (ecosystem.Ask, error) {
	path, query, _ := strings.Cut(r.URL, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return ecosystem.Ask{}, bonded.Errorf(bonded.Invalid, "the query string cannot be read")
	}
	header := func(key string) string {
		for k, v := range r.Header {
			if strings.EqualFold(k, key) {
				return v
			}
		}
		return ""
	}
	return eco.Ask(ecosystem.Request{Method: r.Method, Path: path, Query: values, Header: header})
}

// Draft asks and drafts; the error is Ask's or Draft's.
func (d *Desk) Draft(r Request) (ecosystem.Ask, bonded.Draft, error) {
	r = d.made(r)
	return d.DraftFrom(r, bytes.NewReader(r.Body))
}

// DraftFrom is Draft with another body.
func (d *Desk) DraftFrom(r Request, body io.Reader) (ecosystem.Ask, bonded.Draft, error) {
	a, err := d.Ask(r)
	if err != nil {
		return a, bonded.Draft{}, err
	}
	if a.Verb != ecosystem.Publish && a.Verb != ecosystem.Change {
		return a, bonded.Draft{}, fmt.Errorf("%s %s: verb %d drafts nothing", r.Method, r.URL, a.Verb)
	}
	draft, err := d.Eco.Draft(context.Background(), a, ecosystem.Upload{
		Body: body, Keep: d.keep, Docs: d,
		Open: func(k bonded.Kept) (io.ReaderAt, error) {
			b, ok := d.kept[k.ID]
			if !ok {
				return nil, fmt.Errorf("open %q: never kept", k.ID)
			}
			return bytes.NewReader(b), nil
		},
		Past: func(n bonded.Name) (*bonded.Package, error) { return d.Package(n), nil },
	})
	return a, draft, err
}

func (d *Desk) keep(r io.Reader, limit int64) (bonded.Kept, error) {
	if d.Keep != nil {
		if err := d.Keep(); err != nil {
			return bonded.Kept{}, err
		}
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return bonded.Kept{}, err
	}
	if int64(len(b)) > limit {
		return bonded.Kept{}, bonded.Errorf(bonded.TooLarge, "more than %d bytes", limit)
	}
	id := fmt.Sprintf("kept-%d", len(d.kept))
	d.kept[id] = b
	return bonded.Kept{
		ID: id, Size: int64(len(b)), Digest: bonded.DigestOf(b),
		MD5: md5.Sum(b), SHA1: sha1.Sum(b), SHA512: sha512.Sum512(b), BLAKE2b: blake2b.Sum256(b),
	}, nil
}

// Admit logs a draft's facts, claiming the name first where nobody has it, and
// returns the index of the first fact.
func (d *Desk) Admit(t testing.TB, draft bonded.Draft) uint64 {
	t.Helper()
	since := d.Head()
	for _, doc := range draft.Docs {
		d.docs[bonded.DigestOf(doc)] = bytes.Clone(doc)
	}
	if d.Package(draft.Name).Claimed.IsZero() {
		owners := []byte(`{"owners":["` + Owner + `"],"salt":"AAAA"}`)
		d.docs[bonded.DigestOf(owners)] = owners
		d.append(t, bonded.Entry{Type: bonded.Claim, Name: draft.Name})
		d.append(t, bonded.Entry{Type: bonded.Owners, Name: draft.Name, Doc: bonded.DigestOf(owners), Count: 1})
	}
	facts := append([]bonded.Entry(nil), draft.Facts...)
	for _, s := range draft.Statements {
		sum := sha256.Sum256(s.Text)
		sig, err := d.Key.Sign(nil, sum[:], cryptoSHA256) // RFC 6979: no randomness
		if err != nil {
			t.Fatal(err)
		}
		facts[s.Fact].Sig = bonded.Signature{KeyID: d.keyID, Bytes: sig}
	}
	for _, e := range facts {
		d.append(t, e)
	}
	return since
}

// append logs one fact as the ledger would: through its canonical bytes.
func (d *Desk) append(t testing.TB, e bonded.Entry) {
	t.Helper()
	i := d.Head()
	e.Time = time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Minute)
	b, err := e.Marshal()
	if err != nil {
		t.Fatalf("the fact cannot be logged: %v", err)
	}
	if e, err = bonded.ParseEntry(b); err != nil {
		t.Fatal(err)
	}
	d.log = append(d.log, e)
	if d.House, err = d.House.Apply(i, e); err != nil {
		t.Fatal(err)
	}
	if e.Name.IsZero() {
		return
	}
	if d.packs[e.Name.Key], err = d.Package(e.Name).Apply(i, e); err != nil {
		t.Fatal(err)
	}
}
