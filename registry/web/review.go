package web

import (
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
)

// reviewRoutes are the releases that wait for a second person. To look at one
// takes standing and no proof; to approve it takes a passkey within minutes, to
// reject it none.
func (p *Pages) reviewRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/review", Need: Full, Do: p.reviews},
		{Method: "GET", Path: "/review/{id}", Need: Full, Do: p.review},
		{Method: "POST", Path: "/review/{id}/approve", Need: Fresh, Events: "stage.approve publish", Do: p.approve},
		{Method: "POST", Path: "/review/{id}/reject", Need: Full, Events: "stage.reject", Do: p.reject},
	}
}

// held is a release that waits, as whoever looks sees it.
type held struct {
	record.Staged
	Mine bool // who looks staged it, so somebody else has to answer
}

func (p *Pages) reviews(a *Ask) error {
	list, err := p.Desk.WaitingFor(a.Context(), a.person())
	if err != nil {
		return err
	}
	var others, mine []held
	for _, s := range list {
		if s.Actor == a.Session.User {
			mine = append(mine, held{s, true})
			continue
		}
		others = append(others, held{s, false})
	}
	return a.Show("reviews", View{"Others": others, "Mine": mine})
}

// member is one changed member of an artifact.
type member struct {
	publish.FileChange
	Open bool // shown at once
	Loud bool // something in it is about what runs or what else is installed
}

// openFiles is how many changed files stand open; the others open by a click.
const openFiles = 10

func (p *Pages) review(a *Ask) error {
	r, err := p.Desk.Review(a.Context(), a.PathValue("id"), a.person())
	if err != nil {
		return err
	}
	var files []member
	for i, f := range r.Files {
		m := member{FileChange: f, Open: i < openFiles}
		for _, l := range f.Lines {
			m.Loud = m.Loud || l.Loud
		}
		m.Open = m.Open || m.Loud
		files = append(files, m)
	}
	reach, err := p.Book.Reach(a.Context(), r.Staged.Name, a.Session.User, "")
	if err != nil {
		return err
	}
	return a.Show("review", View{
		"Review": r, "Files": files, "Mine": r.Staged.Actor == a.Session.User, "Fresh": a.Session.Fresh(p.Now()),
		"Package": pathOf(r.Staged.Name), "There": reach.Claimed,
	})
}

func (p *Pages) approve(a *Ask) error {
	r, err := p.Desk.Review(a.Context(), a.PathValue("id"), a.person())
	if err != nil {
		return err
	}
	if _, err := p.Desk.Approve(a.Context(), a.PathValue("id"), a.person()); err != nil {
		return err
	}
	a.Done(pathOf(r.Staged.Name), r.Staged.Version+" was approved and is published.")
	return nil
}

func (p *Pages) reject(a *Ask) error {
	if err := p.Desk.Reject(a.Context(), a.PathValue("id"), a.Form("reason"), a.person()); err != nil {
		return err
	}
	a.Done("/review", "The release was rejected and its bytes are thrown away.")
	return nil
}
