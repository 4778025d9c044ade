package publish

import (
	"context"
	"strings"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// Change is something an owner does to a package that no client of its
// ecosystem has a command for.
type Change struct {
	Package string `json:"package"` // ECOSYSTEM/NAME, in any spelling the ecosystem knows
	Kind    string `json:"change"`  // yank, unyank, deprecate, undeprecate, status, delete
	Version string `json:"version,omitempty"`
	Status  string `json:"status,omitempty"` // active, archived, deprecated
	Reason  string `json:"reason,omitempty"`
}

// maxReason bounds a reason or message, bytes.
const maxReason = 2000

// Change takes a change the whole way in, through the same judgement as any upload.
func (d *Desk) Change(ctx context.Context, c Change, actor Actor) (bonded.Receipt, error) {
	eco, name, err := d.resolve(c.Package)
	if err != nil {
		return bonded.Receipt{}, err
	}
	past, err := d.Past(ctx, name)
	if err != nil {
		return bonded.Receipt{}, err
	}
	if past.Claimed.IsZero() {
		return bonded.Receipt{}, bonded.Errorf(bonded.NotFound, "there is no package %s", name)
	}
	draft := bonded.Draft{Name: past.Name}
	if draft.Facts, err = facts(c, eco, past); err != nil {
		return bonded.Receipt{}, err
	}
	if c.Reason != "" && len(draft.Facts) > 0 {
		if len(c.Reason) > maxReason {
			return bonded.Receipt{}, bonded.Errorf(bonded.TooLarge, "the reason has %d bytes; at most %d are kept", len(c.Reason), maxReason)
		}
		if r, ok := ecosystem.Obeyed(c.Reason); ok {
			draft.Anomalies = append(draft.Anomalies, ecosystem.Unprintable("the reason", r))
		}
		doc := []byte(c.Reason)
		draft.Docs = [][]byte{doc}
		for i := range draft.Facts {
			if t := draft.Facts[i].Type; t == bonded.Yank || t == bonded.Deprecate || t == bonded.Status {
				draft.Facts[i].Doc = bonded.DigestOf(doc)
			}
		}
	}
	return d.enter(ctx, &entrant{draft: draft, actor: actor, done: make(chan struct{})})
}

func (d *Desk) resolve(raw string) (ecosystem.Ecosystem, bonded.Name, error) {
	id, rest, _ := strings.Cut(raw, "/")
	eco, ok := d.ecosystems[id]
	if !ok {
		return nil, bonded.Name{}, bonded.Errorf(bonded.Invalid, "%q names no package; want ECOSYSTEM/NAME", raw)
	}
	name, err := eco.Name(rest)
	return eco, name, err
}

// facts turns a change into entries; none when it is so already.
func facts(c Change, eco ecosystem.Ecosystem, past *bonded.Package) ([]bonded.Entry, error) {
	if c.Kind == "status" {
		return status(c, past)
	}
	r := release(eco, past, c.Version)
	if r == nil {
		return nil, bonded.Errorf(bonded.NotFound, "%s has no version %q", past.Name, c.Version)
	}
	one := func(t bonded.EntryType, already bool) []bonded.Entry {
		if already {
			return nil
		}
		return []bonded.Entry{{Type: t, Version: r.Version}}
	}
	switch c.Kind {
	case "yank":
		return one(bonded.Yank, r.Yanked && c.Reason == ""), nil
	case "unyank":
		return one(bonded.Unyank, !r.Yanked), nil
	case "deprecate":
		if c.Reason == "" {
			return nil, bonded.Errorf(bonded.Invalid, "deprecating needs a reason: it is what installers print")
		}
		return one(bonded.Deprecate, false), nil
	case "undeprecate":
		return one(bonded.Undeprecate, r.Deprecated.IsZero()), nil
	case "delete":
		var out []bonded.Entry
		for _, f := range r.Files {
			if !f.Removed {
				out = append(out, bonded.Entry{Type: bonded.Remove, Version: r.Version, File: f.Name})
			}
		}
		return out, nil
	}
	return nil, bonded.Errorf(bonded.Invalid, "%q is no change; there are yank, unyank, deprecate, undeprecate, status and delete", c.Kind)
}

func status(c Change, past *bonded.Package) ([]bonded.Entry, error) {
	switch c.Status {
	case "active", "archived", "deprecated":
	case "quarantined":
		return nil, bonded.Errorf(bonded.Forbidden, "quarantine is for the repository's moderators, not for owners")
	default:
		return nil, bonded.Errorf(bonded.Invalid, "%q is no status; there are active, archived and deprecated", c.Status)
	}
	if past.Status == "quarantined" {
		return nil, bonded.Errorf(bonded.Forbidden, "%s is quarantined; only the repository's moderators can lift that", past.Name)
	}
	if past.Status == c.Status || past.Status == "" && c.Status == "active" {
		return nil, nil
	}
	return []bonded.Entry{{Type: bonded.Status, Status: c.Status}}, nil
}

// release finds a version as its owner may spell it.
func release(eco ecosystem.Ecosystem, past *bonded.Package, version string) *bonded.Release {
	if r := past.Release(version); r != nil {
		return r
	}
	for r := range past.Releases() {
		if version != "" && eco.Compare(r.Version, version) == 0 {
			return r
		}
	}
	return nil
}
