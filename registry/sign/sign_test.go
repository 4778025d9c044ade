package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

const origin = "packages.example/bonded/1"

func TestOpenCreatesThenReads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "keys")
	first, err := Open(dir, origin, []string{"one", "two"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir, origin, []string{"one", "two"})
	if err != nil {
		t.Fatal(err)
	}
	if first.Verifier() != again.Verifier() || first.Origin() != origin {
		t.Errorf("the log key changed: %s, %s", first.Verifier(), again.Verifier())
	}
	a, b := first.RegistryKeys(), again.RegistryKeys()
	if len(a) != 2 || a[0].Ecosystem != "one" || a[1].Ecosystem != "two" || a[0].ID == a[1].ID {
		t.Fatalf("registry keys %+v", a)
	}
	for i := range a {
		if a[i].ID != b[i].ID || string(a[i].Public) != string(b[i].Public) {
			t.Errorf("registry key %s changed", a[i].Ecosystem)
		}
		sum := sha256.Sum256(a[i].Public)
		if a[i].ID != "SHA256:"+base64.RawStdEncoding.EncodeToString(sum[:]) {
			t.Errorf("key id %s is not the fingerprint", a[i].ID)
		}
	}
	if got, err := ReadOrigin(dir); err != nil || got != origin {
		t.Errorf("ReadOrigin = %q, %v", got, err)
	}
	if _, err := ReadOrigin(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadOrigin of nothing = %v", err)
	}
	assertPrivate(t, dir)
}

func assertPrivate(t *testing.T, dir string) {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		names = append(names, filepath.Base(path))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(names, " "), "keys house.key log.key registry-one.pem registry-two.pem"; got != want {
		t.Errorf("files %q, want %q", got, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaDER, err := x509.MarshalPKCS8PrivateKey(rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384DER, err := x509.MarshalPKCS8PrivateKey(p384)
	if err != nil {
		t.Fatal(err)
	}
	pemOf := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	for _, c := range []struct {
		what, file, text string
		mode             fs.FileMode
		want             string
	}{
		{"readable log key", "log.key", "", 0o640, "chmod go-rwx"},
		{"readable registry key", "registry-one.pem", "", 0o604, "chmod go-rwx"},
		{"open directory", ".", "", 0o750, "chmod go-rwx"},
		{"garbage log key", "log.key", "PRIVATE+KEY+x", 0o600, "malformed"},
		{"other log", "log.key", signerText(t, "other.example/log"), 0o600, "keeps its origin"},
		{"garbage registry key", "registry-one.pem", "nothing", 0o600, "PKCS #8"},
		{"two registry keys", "registry-one.pem", pemOf("PRIVATE KEY", p384DER) + pemOf("PRIVATE KEY", p384DER), 0o600, "PKCS #8"},
		{"RSA", "registry-one.pem", pemOf("PRIVATE KEY", rsaDER), 0o600, "not an ECDSA key"},
		{"other curve", "registry-one.pem", pemOf("PRIVATE KEY", p384DER), 0o600, "P-256"},
		{"public key", "registry-one.pem", pemOf("PUBLIC KEY", p384DER), 0o600, "PKCS #8"},
		{"too long", "registry-one.pem", strings.Repeat("x", maxKeyFile+1), 0o600, "not a key file"},
	} {
		t.Run(c.what, func(t *testing.T) {
			if runtime.GOOS == "windows" && c.mode&0o077 != 0 {
				t.Skip("no file modes on this system; run it on Linux or macOS")
			}
			dir := filepath.Join(t.TempDir(), "keys")
			if _, err := Open(dir, origin, []string{"one"}); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, c.file)
			if c.text != "" {
				if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir, origin, []string{"one"})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open = %v, want something about %q", err, c.want)
			}
		})
	}
}

func signerText(t *testing.T, name string) string {
	t.Helper()
	skey, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	return skey
}

func TestNewRefusesAStrangersVerifier(t *testing.T) {
	signer, err := note.NewSigner(signerText(t, origin))
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(signer, other, nil); err == nil {
		t.Error("a verifier of another key was taken")
	}
}

// TestOpenAtOnce starts many first starts together: all must end with one key.
func TestOpenAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	verifiers := make([]string, 8)
	var wg sync.WaitGroup
	for i := range verifiers {
		wg.Go(func() {
			k, err := Open(dir, origin, []string{"one"})
			if err != nil {
				t.Error(err)
				return
			}
			verifiers[i] = k.Verifier() + k.RegistryKeys()[0].ID
		})
	}
	wg.Wait()
	for _, v := range verifiers[1:] {
		if v != verifiers[0] {
			t.Fatalf("two keys: %s and %s", v, verifiers[0])
		}
	}
}

func TestSignatures(t *testing.T) {
	k, err := Open(filepath.Join(t.TempDir(), "keys"), origin, []string{"one"})
	if err != nil {
		t.Fatal(err)
	}
	statement := []byte("left-pad@1.0.0:sha512-AAAA")
	sig, err := k.Sign("one", statement)
	if err != nil {
		t.Fatal(err)
	}
	public := k.RegistryKeys()[0]
	if sig.KeyID != public.ID {
		t.Errorf("signed with %s, published is %s", sig.KeyID, public.ID)
	}
	key, err := x509.ParsePKIXPublicKey(public.Public)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(statement)
	if !ecdsa.VerifyASN1(key.(*ecdsa.PublicKey), sum[:], sig.Bytes) {
		t.Error("the signature does not verify")
	}
	if _, err := k.Sign("nobody", statement); err == nil {
		t.Error("signed without a key")
	}
	v, err := note.NewVerifier(k.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	msg, err := note.Sign(&note.Note{Text: "a\n"}, k.Log())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(msg, note.VerifierList(v)); err != nil {
		t.Errorf("the log signature does not verify: %v", err)
	}
}

// TestNodeVerifies checks a signature the way the npm client does: Node's
// crypto, a PEM made of the base64 that the keys document carries.
func TestNodeVerifies(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed; install Node.js 20 or newer to check signatures with it")
	}
	k, err := Open(filepath.Join(t.TempDir(), "keys"), origin, []string{"one"})
	if err != nil {
		t.Fatal(err)
	}
	const script = `
const crypto = require('node:crypto')
const [key, statement, sig] = process.argv.slice(1)
const pem = '-----BEGIN PUBLIC KEY-----\n' + key + '\n-----END PUBLIC KEY-----'
const verifier = crypto.createVerify('SHA256')
verifier.write(statement)
verifier.end()
process.exit(verifier.verify(pem, sig, 'base64') ? 0 : 1)`
	statement := "@acme/tools@1.2.3:sha512-" + strings.Repeat("A", 86) + "=="
	sig, err := k.Sign("one", []byte(statement))
	if err != nil {
		t.Fatal(err)
	}
	run := func(statement string) error {
		key := base64.StdEncoding.EncodeToString(k.RegistryKeys()[0].Public)
		return exec.Command(node, "-e", script, key, statement, base64.StdEncoding.EncodeToString(sig.Bytes)).Run()
	}
	if err := run(statement); err != nil {
		t.Errorf("node refuses the signature: %v", err)
	}
	var exit *exec.ExitError
	if err := run(statement + "x"); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("node takes a signature over another statement: %v", err)
	}
}

// TestForeignSigner shows that a signer that is no file will do.
func TestForeignSigner(t *testing.T) {
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	log, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := New(log, vkey, map[string]crypto.Signer{"one": broken{key}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Sign("one", []byte("x")); err == nil || !strings.Contains(err.Error(), "key service is away") {
		t.Errorf("Sign = %v, want the signer's error", err)
	}
}

type broken struct{ *ecdsa.PrivateKey }

func (broken) Sign(_ io.Reader, _ []byte, _ crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("key service is away")
}
