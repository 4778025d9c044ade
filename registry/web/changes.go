package web

import (
	"time"

	"bonded.dev/registry/record"
)

// changeRoutes are where the cancel link of a mail leads. Opening it shows the
// change and does nothing, since scanners of mail open links by themselves; the
// button cancels, signed in or not: to deny is always safe.
func (p *Pages) changeRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/changes/{id}/cancel", Need: Anyone, Do: p.cancelPage},
		{Method: "POST", Path: "/changes/{id}/cancel", Need: Anyone, Events: "change.cancel", Do: p.cancel},
	}
}

func (p *Pages) cancelPage(a *Ask) error {
	w, err := p.Waiting.ByLink(a.Context(), a.PathValue("id"), a.Form("secret"))
	if err != nil {
		return err
	}
	return a.Show("change-cancel", View{"Change": w, "About": aboutOf(w), "Secret": a.Form("secret"), "State": stateOf(w, p.Now())})
}

func (p *Pages) cancel(a *Ask) error {
	id, secret := a.PathValue("id"), a.Form("secret")
	w, err := p.Waiting.ByLink(a.Context(), id, secret)
	if err != nil {
		return err
	}
	if err := p.Waiting.CancelByLink(a.Context(), id, secret); err != nil {
		return err
	}
	return a.Show("change-cancel", View{"Change": w, "About": aboutOf(w), "State": "now cancelled"})
}

// aboutOf is the account or the package that a change is about.
func aboutOf(w record.Waiting) string {
	if w.Package.Key != "" {
		return "the package " + w.Package.String()
	}
	return "the account " + w.Account
}

// stateOf says if a change can still be cancelled.
func stateOf(w record.Waiting, now time.Time) string {
	switch {
	case w.Outcome == "cancelled":
		return "cancelled"
	case w.Outcome == record.WaitingDoing:
		return "due"
	case !w.Ended.IsZero():
		return "over"
	case !now.Before(w.Due):
		return "due"
	}
	return "waits"
}
