package logwire

import (
	"encoding/base64"
	"fmt"
	"math"

	fmtlog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"

	"bonded.dev"
)

// MaxCheckpoint bounds a signed checkpoint, bytes; cosignatures included.
const MaxCheckpoint = 64 << 10

// Checkpoint is the body of a C2SP tlog-checkpoint without extension lines.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   bonded.Digest
}

// Sign returns the checkpoint as a note signed by every signer. The first is
// the log itself, whose key name is the origin.
func (c Checkpoint) Sign(log note.Signer, more ...note.Signer) ([]byte, error) {
	if log.Name() != c.Origin {
		return nil, fmt.Errorf("sign checkpoint: the key is for %q, the log is %q", log.Name(), c.Origin)
	}
	return note.Sign(&note.Note{Text: string(c.text())}, append([]note.Signer{log}, more...)...)
}

func (c Checkpoint) text() []byte {
	return fmtlog.Checkpoint{Origin: c.Origin, Size: c.Size, Hash: c.Root[:]}.Marshal()
}

// OpenCheckpoint verifies the log's signature and reads the checkpoint. It takes
// no extension lines and only the canonical spelling.
func OpenCheckpoint(msg []byte, log note.Verifier) (Checkpoint, error) {
	if len(msg) > MaxCheckpoint {
		return Checkpoint{}, fmt.Errorf("checkpoint: %d bytes, more than %d", len(msg), MaxCheckpoint)
	}
	n, err := note.Open(msg, note.VerifierList(log))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := parseCheckpoint([]byte(n.Text))
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != log.Name() {
		return Checkpoint{}, fmt.Errorf("checkpoint: origin %q, signed with the key of %q", c.Origin, log.Name())
	}
	return c, nil
}

func parseCheckpoint(text []byte) (Checkpoint, error) {
	var raw fmtlog.Checkpoint
	rest, err := raw.Unmarshal(text)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	if len(rest) > 0 {
		return Checkpoint{}, fmt.Errorf("checkpoint: extension lines, which this log does not use")
	}
	c := Checkpoint{Origin: raw.Origin, Size: raw.Size}
	if copy(c.Root[:], raw.Hash) != len(c.Root) || string(c.text()) != string(text) || c.Size > math.MaxInt64>>1 {
		return Checkpoint{}, fmt.Errorf("checkpoint: root %q, size %d: not canonical", base64.StdEncoding.EncodeToString(raw.Hash), raw.Size)
	}
	return c, nil
}
