package publish_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
)

// build is a job of a trusted publisher that an owner of the package made.
type build struct {
	actor
	id string
}

func (build) User() string   { return "" }
func (b build) Name() string { return "publisher:" + b.id }

func (h *house) stageBy(who publish.Actor, pkg, version string) string {
	h.t.Helper()
	r, err := h.Submit(context.Background(), plain{}, h.ask("publish", pkg, version), publish.In{Body: strings.NewReader(version), Actor: who})
	must(h.t, err)
	if r.Staged == "" {
		h.t.Fatalf("%s %s was not staged", pkg, version)
	}
	return r.Staged
}

func (h *house) publisher(id, creator string, name bonded.Name, created, expires time.Time) {
	h.t.Helper()
	must(h.t, h.book.Update(context.Background(), func(tx *record.Tx) error {
		return tx.AddPublisher(record.Publisher{ID: id, Package: name, Issuer: "https://ci.example", Subject: "acme/pad", Profile: "github",
			Creator: creator, Created: created, Expires: expires})
	}))
}

// TestNobodyBringsTheJobAndApprovesIt has an owner add a build job of their own
// and approve what it stages.
func TestNobodyBringsTheJobAndApprovesIt(t *testing.T) {
	h := newPad(t, onlySQLite(t))
	ctx := context.Background()
	h.publisher("young", "alice", pad, h.now, time.Time{})
	id := h.stageBy(build{actor{"alice", h.book}, "young"}, "pad", "1.1.0")
	if _, err := h.Approve(ctx, id, h.person("alice")); refusedBy(err) != "two-person-publish" {
		t.Errorf("by who made the publisher: %v", err)
	}
	if _, err := h.Approve(ctx, id, h.person("bob")); err != nil {
		t.Errorf("by another owner: %v", err)
	}
	h.publisher("old", "alice", pad, h.now.Add(-72*time.Hour), time.Time{})
	if _, err := h.Approve(ctx, h.stageBy(build{actor{"alice", h.book}, "old young"}, "pad", "1.2.0"), h.person("alice")); err != nil {
		t.Errorf("of a job that others had three days to see: %v", err)
	}
}

// TestNobodyApprovesTheirOwnPendingJob is the same for a name that is nobody's.
func TestNobodyApprovesTheirOwnPendingJob(t *testing.T) {
	h := newPad(t, onlySQLite(t))
	ctx := context.Background()
	must(t, h.book.Update(ctx, func(tx *record.Tx) error { return tx.SetRoles("mod", []string{"moderator"}) }))
	h.TwoPerson = publish.TwoPersonNew
	fresh := bonded.Name{Ecosystem: "plain", Key: "fresh", Display: "fresh"}
	h.publisher("wait", "mod", fresh, h.now.Add(-100*time.Hour), h.now.Add(100*time.Hour))
	id := h.stageBy(build{actor{"mod", h.book}, "wait"}, "fresh", "1.0.0")
	if _, err := h.Approve(ctx, id, h.person("mod")); refusedBy(err) != "two-person-publish" {
		t.Errorf("a moderator's own job: %v", err)
	}
}

// TestWhoStagedMustStillBeAllowed takes the right away while a release waits.
func TestWhoStagedMustStillBeAllowed(t *testing.T) {
	for name, change := range map[string]func(tx *record.Tx) error{
		"no owner any more":       func(tx *record.Tx) error { return tx.RemoveOwner(pad, "alice") },
		"trusted publishers only": func(tx *record.Tx) error { return tx.SetPolicy(pad, record.Policy{TwoPerson: true, TrustedOnly: true}) },
		"publisher removed":       func(tx *record.Tx) error { return tx.RemovePublisher("ci") },
	} {
		t.Run(name, func(t *testing.T) {
			h := newPad(t, onlySQLite(t))
			ctx := context.Background()
			h.publisher("ci", "bob", pad, h.now.Add(-100*time.Hour), time.Time{})
			job, own := h.stageBy(build{actor{"alice", h.book}, "ci"}, "pad", "1.1.0"), h.stage("alice", "pad", "1.2.0", "x")
			must(t, h.book.Update(ctx, change))
			for id, gone := range map[string]bool{job: name == "publisher removed", own: name != "publisher removed"} {
				_, err := h.Approve(ctx, id, h.person("bob"))
				if gone && refusedBy(err) != "two-person-publish" || !gone && err != nil {
					t.Errorf("job's %v, refused wanted %v: %v", id == job, gone, err)
				}
			}
		})
	}
}
