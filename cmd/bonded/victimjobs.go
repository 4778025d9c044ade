package main

import (
	"context"
	"net/url"

	"bonded.dev"
)

// Trust adds a trusted publisher as the page does.
func (v *victim) Trust(ctx context.Context, actor, kind, name string, fields url.Values) error {
	n, err := v.named(kind, name)
	if err != nil {
		return err
	}
	profiles := v.r.trusted.Profiles()
	filled := map[string]string{}
	for k := range fields {
		filled[k] = fields.Get(k)
	}
	_, err = v.r.trusted.Add(ctx, actor, n, profiles[len(profiles)-1].ID, filled)
	return err
}

// named is a name as its ecosystem reads it.
func (v *victim) named(kind, name string) (bonded.Name, error) {
	for _, e := range v.h.ecosystems {
		if e.Info().ID == kind {
			return e.Name(name)
		}
	}
	return bonded.Name{}, bonded.Errorf(bonded.Invalid, "there is no ecosystem %s", kind)
}
