package sign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

const (
	logKeyFile   = "log.key"
	houseKeyFile = "house.key"
	// maxKeyFile bounds a key file, bytes.
	maxKeyFile = 64 << 10
)

// Open reads the keys in dir, creating the directory and whatever key is
// missing. origin names a new log; the name inside an existing log key must be
// the same. The ecosystems each have a registry key.
func Open(dir, origin string, ecosystems []string) (*Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	if err := private(dir); err != nil {
		return nil, err
	}
	logText, err := readOrCreate(filepath.Join(dir, logKeyFile), func() ([]byte, error) {
		signer, _, err := note.GenerateKey(rand.Reader, origin)
		return []byte(signer + "\n"), err
	})
	if err != nil {
		return nil, err
	}
	log, verifier, err := parseLogKey(string(bytes.TrimSuffix(logText, []byte("\n"))))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Join(dir, logKeyFile), err)
	}
	if log.Name() != origin {
		return nil, fmt.Errorf("open %s: the key is for the log %q, the configuration says %q; a log keeps its origin for ever", filepath.Join(dir, logKeyFile), log.Name(), origin)
	}
	registry := map[string]crypto.Signer{}
	for _, ecosystem := range ecosystems {
		if registry[ecosystem], err = openRegistryKey(dir, ecosystem); err != nil {
			return nil, err
		}
	}
	keys, err := New(log, verifier, registry)
	if err != nil {
		return nil, err
	}
	keys.house, err = readOrCreate(filepath.Join(dir, houseKeyFile), func() ([]byte, error) {
		return []byte(rand.Text() + rand.Text() + "\n"), nil // 260 bits
	})
	return keys, err
}

// ReadOrigin returns the origin that the log key in dir names; fs.ErrNotExist
// before there is one.
func ReadOrigin(dir string) (string, error) {
	path := filepath.Join(dir, logKeyFile)
	text, err := read(path)
	if err != nil {
		return "", err
	}
	log, _, err := parseLogKey(string(bytes.TrimSuffix(text, []byte("\n"))))
	if err != nil {
		return "", fmt.Errorf("open %s: %w", path, err)
	}
	return log.Name(), nil
}

// parseLogKey returns the signer in a signer key text and its verifier text.
// Package note has no call that leads from one to the other, so the key is taken
// from its place: "PRIVATE+KEY+<name>+<hash>+<base64 of algorithm and seed>".
func parseLogKey(text string) (note.Signer, string, error) {
	signer, err := note.NewSigner(text)
	if err != nil {
		return nil, "", err
	}
	part := strings.SplitN(text, "+", 5)
	if len(part) != 5 {
		return nil, "", errors.New("not a signer key")
	}
	key, err := base64.StdEncoding.DecodeString(part[4])
	if err != nil || len(key) != 1+ed25519.SeedSize {
		return nil, "", errors.New("not an Ed25519 signer key")
	}
	public := ed25519.NewKeyFromSeed(key[1:]).Public().(ed25519.PublicKey)
	verifier, err := note.NewEd25519VerifierKey(signer.Name(), public)
	return signer, verifier, err
}

func openRegistryKey(dir, ecosystem string) (crypto.Signer, error) {
	path := filepath.Join(dir, "registry-"+ecosystem+".pem")
	text, err := readOrCreate(path, func() ([]byte, error) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
	})
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("open %s: not one PKCS #8 private key in PEM", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("open %s: not an ECDSA key", path)
	}
	return signer, nil
}

// readOrCreate reads a key file; when there is none it makes one. Two processes
// that start at once agree on one key: the second finds the first one's.
func readOrCreate(path string, make func() ([]byte, error)) ([]byte, error) {
	text, err := read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	fresh, err := make()
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	if err := create(path, fresh); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	return read(path)
}

func read(path string) ([]byte, error) {
	if err := private(path); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open key: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, fmt.Errorf("open key: %s is not a key file", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open key: %w", err)
	}
	return text, nil
}

// create writes a whole file under a name that must not be taken, durably.
func create(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// private refuses what anybody but the owner may read or write.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("open key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("open %s: others may use it (mode %04o); if nobody else can have read it, run: chmod go-rwx %s", path, mode, path)
	}
	return nil
}
