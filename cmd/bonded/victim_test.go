package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
	visitors "bonded.dev/prove/visit/all"
	"bonded.dev/registry/record"
)

// stageVictim starts a victim and a scene in each of its dialects.
func stageVictim(t *testing.T, without ...string) (drill.Victim, []*drill.Scene) {
	t.Helper()
	v, err := startVictim(t.Context(), without, visitors.Dialects())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	var scenes []*drill.Scene
	for _, s := range v.Sites() {
		scenes = append(scenes, drill.NewScene(v, s, s.Dialect.ID()))
	}
	if len(scenes) == 0 {
		t.Fatal("the victim speaks nothing")
	}
	return v, scenes
}

func published(t *testing.T, s *drill.Scene, actor string, up visit.Upload) {
	t.Helper()
	if err := s.Publish(t.Context(), actor, up); err != nil {
		t.Fatal(err)
	}
}

// TestAbsences: each control that is said to be taken out of a victim is, and
// it alone is what stood in the way.
func TestAbsences(t *testing.T) {
	upload := func(s *drill.Scene, hint string) visit.Upload {
		return visit.Upload{Name: s.Name(hint), Version: "1.0.0", Canary: "first"}
	}
	tries := map[string]func(t *testing.T, s *drill.Scene) (visit.Answer, error){
		"roles": func(t *testing.T, s *drill.Scene) (visit.Answer, error) {
			up := upload(s, "role")
			published(t, s, drill.Owner, up)
			up.Version = "1.0.1"
			return s.Attempt(t.Context(), drill.Stranger, up)
		},
		"scoped-tokens": func(t *testing.T, s *drill.Scene) (visit.Answer, error) {
			token, err := s.Token(t.Context(), drill.Owner, "read:*")
			if err != nil {
				return visit.Answer{}, err
			}
			return s.Site.Publish(t.Context(), token, upload(s, "scope"))
		},
		"token-lifetime": func(t *testing.T, s *drill.Scene) (visit.Answer, error) {
			old, err := s.Credential(t.Context(), drill.Owner)
			if err != nil {
				return visit.Answer{}, err
			}
			if err := s.Later(t.Context(), 8*24*time.Hour); err != nil {
				return visit.Answer{}, err
			}
			return s.Site.Publish(t.Context(), old, upload(s, "late"))
		},
		"retired-names": func(t *testing.T, s *drill.Scene) (visit.Answer, error) {
			up := upload(s, "gone")
			published(t, s, drill.Owner, up)
			as, err := s.Credential(t.Context(), drill.Owner)
			if err != nil {
				return visit.Answer{}, err
			}
			if a, err := s.Site.Dialect.Delete(t.Context(), s.Site, as, up.Name, up.Version); err != nil || !a.Taken() {
				t.Fatal("deleting:", a, err)
			}
			up.Version = "2.0.0"
			return s.Attempt(t.Context(), drill.Stranger, up)
		},
		"step-up": func(t *testing.T, s *drill.Scene) (visit.Answer, error) {
			up := upload(s, "step")
			published(t, s, drill.Owner, up)
			as, err := s.Credential(t.Context(), drill.Owner)
			if err != nil {
				return visit.Answer{}, err
			}
			if err := s.Later(t.Context(), 16*time.Minute); err != nil {
				return visit.Answer{}, err
			}
			return s.Site.Dialect.Delete(t.Context(), s.Site, as, up.Name, up.Version)
		},
		"trusted-publishing-only": func(t *testing.T, s *drill.Scene) (visit.Answer, error) {
			up := upload(s, "only")
			published(t, s, drill.Owner, up)
			trustedOnly(t, s, up.Name)
			up.Version = "1.0.1"
			return s.Attempt(t.Context(), drill.Owner, up)
		},
		"fail-closed-gates": func(t *testing.T, s *drill.Scene) (visit.Answer, error) {
			up := upload(s, "scan")
			up.Inside.Description = "this crashes the scanner"
			if err := s.Scanner(t.Context(), "crashes"); err != nil {
				return visit.Answer{}, err
			}
			return s.Attempt(t.Context(), drill.Owner, up)
		},
		"upload-digests": func(t *testing.T, s *drill.Scene) (visit.Answer, error) {
			up := upload(s, "lie")
			up.Lie = true
			return s.Attempt(t.Context(), drill.Owner, up)
		},
	}
	for id, try := range tries {
		t.Run(id, func(t *testing.T) {
			for _, without := range [][]string{{id}, nil} {
				_, scenes := stageVictim(t, without...)
				for _, s := range scenes {
					a, err := try(t, s)
					if errors.Is(err, visit.ErrNotSpoken) {
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					kind := s.Site.Dialect.ID()
					if without != nil && !a.Taken() {
						t.Errorf("%s, taken out: %s", kind, a)
					}
					if without == nil && (a.Taken() || !strings.Contains(a.Text, "["+id+"]") && !strings.Contains(a.Text, "("+id+")")) {
						t.Errorf("%s, standing: %s", kind, a)
					}
				}
			}
		})
	}
}

// trustedOnly lets a package be published by trusted publishers alone.
func trustedOnly(t *testing.T, s *drill.Scene, raw string) {
	t.Helper()
	v := s.Victim.(*victim)
	for _, e := range v.h.ecosystems {
		if e.Info().ID != s.Site.Dialect.ID() {
			continue
		}
		name, err := e.Name(raw)
		if err == nil {
			err = v.h.book.Update(t.Context(), func(tx *record.Tx) error { return tx.SetPolicy(name, record.Policy{TrustedOnly: true}) })
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("the victim has no dialect", s.Site.Dialect.ID())
}

// TestOthersStillStand: forgiving one refusal forgives no other.
func TestOthersStillStand(t *testing.T) {
	_, scenes := stageVictim(t, "roles", "token-lifetime")
	for _, s := range scenes {
		up := visit.Upload{Name: s.Name("stand"), Version: "1.0.0", Canary: "first"}
		published(t, s, drill.Owner, up)
		token, err := s.Token(t.Context(), drill.Stranger, "read:*")
		if err != nil {
			t.Fatal(err)
		}
		up.Version = "1.0.1"
		a, err := s.Site.Publish(t.Context(), token, up)
		if err != nil || a.Taken() || !strings.Contains(a.Text, "scoped-tokens") {
			t.Error(a, err)
		}
		a, err = s.Site.Publish(t.Context(), "", up)
		if err != nil || a.Taken() {
			t.Error("nobody:", a, err)
		}
	}
}

// TestVerifyingClient: it takes the repository as it is, also through somebody
// who changes nothing, and objects to every change, and to another repository
// with a key of its own.
func TestVerifyingClient(t *testing.T) {
	v, scenes := stageVictim(t)
	published(t, scenes[0], drill.Owner, visit.Upload{Name: scenes[0].Name("seen"), Version: "1.0.0", Canary: "the old bytes"})
	at := func(v drill.Victim, change drill.Change) error {
		t.Helper()
		base, stop, err := drill.Between(t.Context(), v.Sites()[0], change)
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		return v.Verify(t.Context(), base)
	}
	if err := errors.Join(v.Verify(t.Context(), v.Sites()[0].Base), at(v, nil)); err != nil {
		t.Error("nothing was changed:", err)
	}
	touched := 0
	spoil := func(path string, r visit.Response) visit.Response {
		if strings.Contains(path, "seen1") && r.OK() && len(r.Body) > 0 {
			touched++
			r.Body = append(slices.Clone(r.Body[:len(r.Body)-1]), r.Body[len(r.Body)-1]^1)
		}
		return r
	}
	if err := at(v, spoil); touched == 0 || err == nil || !strings.Contains(err.Error(), "seen1") || !strings.Contains(err.Error(), "[artifact-log]") {
		t.Errorf("changed %d answers: %v", touched, err)
	}
	other, _ := stageVictim(t, "artifact-log")
	if err := v.Verify(t.Context(), other.Sites()[0].Base); err == nil || !strings.Contains(err.Error(), "key") {
		t.Error("another log:", err)
	}
	if err := at(other, spoil); err != nil {
		t.Error("nobody verifies, and yet:", err)
	}
}

// TestAbsencesAreControls: whatever can be taken out has a page; whatever else
// stands is built in.
func TestAbsencesAreControls(t *testing.T) {
	b, err := book()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range removable() {
		if b.Control(id) == nil {
			t.Errorf("%s can be taken out and has no page", id)
		}
	}
	fixed := 0
	for _, c := range b.Controls {
		if _, ok := absences()[c.ID]; ok {
			continue
		}
		fixed++
		if v, err := startVictim(context.Background(), []string{c.ID}, visitors.Dialects()); !errors.Is(err, drill.ErrBuiltIn) {
			t.Errorf("%s: %v, %v", c.ID, v, err)
		}
	}
	if fixed == 0 {
		t.Error("nothing is built in")
	}
}
