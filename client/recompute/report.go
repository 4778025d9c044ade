package recompute

import (
	"fmt"
	"strings"
)

// Report says what was looked at and what was found.
type Report struct {
	Source   string `json:"source"`   // where the repository was read
	Origin   string `json:"origin"`   // of its log
	Key      string `json:"key"`      // verifier key that the checkpoint was checked with
	KeyGiven bool   `json:"keyGiven"` // false: the key is the repository's own word

	Entries uint64 `json:"entries"` // size of the checkpoint
	Root    string `json:"root"`    // of the tree over them, base64
	MapRoot string `json:"mapRoot"` // of the state map that the entries give, base64

	Packages int `json:"packages"`
	Tiles    int `json:"tiles"` // and bundles
	Proofs   int `json:"proofs"`
	Counts
	// Ignored counts entries of experimental types.
	Ignored int `json:"ignored"`

	Skipped  []string  `json:"skipped,omitempty"` // what was not looked at, and why
	Findings []Finding `json:"findings"`
	Seconds  float64   `json:"seconds"`
}

// Counts are what was looked at in packages.
type Counts struct {
	Files         int   `json:"files"`         // in the log, removed ones included
	LogDocuments  int   `json:"logDocuments"`  // fetched by digest
	Documents     int   `json:"documents"`     // rendered, and compared plain and as gzip
	DocumentBytes int64 `json:"documentBytes"` // compared, decoded
	Artifacts     int   `json:"artifacts"`
	ArtifactBytes int64 `json:"artifactBytes"`
	// Deleted counts documents that are gone and may be: messages, reasons, owners,
	// policies.
	Deleted int `json:"deleted"`
}

func (c *Counts) add(o Counts) {
	c.Files += o.Files
	c.LogDocuments += o.LogDocuments
	c.Documents += o.Documents
	c.DocumentBytes += o.DocumentBytes
	c.Artifacts += o.Artifacts
	c.ArtifactBytes += o.ArtifactBytes
	c.Deleted += o.Deleted
}

// Finding is one place where the repository is not what its log says.
type Finding struct {
	// Kind is key, checkpoint, bundle, tile, entry, seal, log document,
	// artifact, document or proof.
	Kind    string `json:"kind"`
	Place   string `json:"place"`
	Problem string `json:"problem"`
	// Unknown says that the place could not be read, which proves nothing.
	Unknown bool `json:"unknown,omitempty"`
}

func (f Finding) String() string { return f.Kind + " " + f.Place + ": " + f.Problem }

// OK reports whether everything that was looked at is as computed.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

// Known reports whether at least one finding proves something; if not, and the
// report is not OK, nobody can tell.
func (r *Report) Known() bool {
	for _, f := range r.Findings {
		if !f.Unknown {
			return true
		}
	}
	return false
}

// Text is the report for a person.
func (r *Report) Text() string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintln(&b, f)
	}
	for _, s := range r.Skipped {
		fmt.Fprintln(&b, "not checked:", s)
	}
	trust := ""
	if !r.KeyGiven {
		trust = " (the repository's own word; give it with --key next time)"
	}
	fmt.Fprintf(&b, "log %s, %d entries, root %s\nkey %s%s\n", r.Origin, r.Entries, r.Root, r.Key, trust)
	fmt.Fprintf(&b, "%d packages, %d files; compared %d tiles and bundles, %d log documents, %d documents (%d bytes), %d artifacts (%d bytes), %d proofs in %.1f s\n",
		r.Packages, r.Files, r.Tiles, r.LogDocuments, r.Documents, r.DocumentBytes, r.Artifacts, r.ArtifactBytes, r.Proofs, r.Seconds)
	if r.Deleted > 0 {
		fmt.Fprintf(&b, "%d documents that may be deleted are\n", r.Deleted)
	}
	switch {
	case r.OK():
		fmt.Fprintln(&b, "everything is as the log says")
	case r.Known():
		fmt.Fprintf(&b, "%d places are not as the log says\n", len(r.Findings))
	default:
		fmt.Fprintf(&b, "%d places could not be read; nothing is proven wrong\n", len(r.Findings))
	}
	return b.String()
}
