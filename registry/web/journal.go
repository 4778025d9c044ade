package web

import (
	"io"
	"net/url"
	"strconv"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
)

// journalRoutes show what happened: to an account, to a package, to the whole
// repository. Each has the same as a file to download.
func (p *Pages) journalRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/account/journal", Need: Full, Do: p.accountJournal},
		{Method: "GET", Path: "/account/journal/{file}", Need: Full, Do: p.accountJournal},
		{Method: "GET", Path: "/packages/{eco}/{name}/journal", Need: Full, Do: p.packageJournal},
		{Method: "GET", Path: "/packages/{eco}/{name}/journal/{file}", Need: Full, Do: p.packageJournal},
		{Method: "GET", Path: "/admin/journal", Need: Operator, Do: p.adminJournal},
		{Method: "GET", Path: "/admin/journal/{file}", Need: Operator, Do: p.adminJournal},
	}
}

func (p *Pages) accountJournal(a *Ask) error {
	return p.journal(a, record.JournalFilter{Account: a.Session.User}, View{
		"Title": "Journal", "Base": "/account/journal",
		"Lead": "What happened to your account, and what was done with it. You see something that was not you? End all other sessions, then look at your passkeys and access tokens.",
	})
}

// packageJournal is for whoever has any right on the package.
func (p *Pages) packageJournal(a *Ask) error {
	name, err := p.packageNamed(a)
	if err != nil {
		return err
	}
	if !a.operator() {
		err := p.hasRight(a, name)
		if err != nil {
			return err
		}
	}
	return p.journal(a, record.JournalFilter{Subject: name.String()}, View{
		"Title": "Journal of " + name.Key, "Base": "/packages/" + name.Ecosystem + "/" + url.PathEscape(name.Key) + "/journal",
		"Lead": "What happened to " + name.String() + ", and who did it.",
	})
}

// packageNamed reads the package of the address, in any spelling.
func (p *Pages) packageNamed(a *Ask) (bonded.Name, error) {
	for _, e := range p.Ecosystems {
		if e.Info().ID == a.PathValue("eco") {
			return e.Name(a.PathValue("name"))
		}
	}
	return bonded.Name{}, bonded.Errorf(bonded.NotFound, "there is no ecosystem %q here", a.PathValue("eco"))
}

// hasRight is nil for whoever may do something to the package, by any way.
func (p *Pages) hasRight(a *Ask, name bonded.Name) error {
	_, rights, err := p.Book.Rights(a.Context(), name, a.Session.User)
	if err == nil && len(rights) == 0 {
		err = bonded.Refusal(bonded.Forbidden, "roles", "you have no right on %s; its owners can invite you", name)
	}
	return err
}

func (p *Pages) adminJournal(a *Ask) error {
	f := record.JournalFilter{Account: a.Form("account"), Subject: a.Form("subject")}
	return p.journal(a, f, View{
		"Title": "Journal of the repository", "Base": "/admin/journal", "Admin": true, "Account": f.Account, "Subject": f.Subject,
		"Lead": "Everything that happened here to accounts, packages and organisations, and who did it.",
	})
}

// onPage is how many lines a page shows.
const onPage = 100

// journal shows the newest lines that a filter means, or sends all of them.
func (p *Pages) journal(a *Ask, f record.JournalFilter, v View) error {
	if file := a.PathValue("file"); file != "" {
		return p.journalFile(a, file, f)
	}
	f.Before, _ = strconv.ParseInt(a.Form("before"), 10, 64) // what is no number is the newest
	list, err := p.Book.JournalBack(a.Context(), f, onPage+1)
	if err != nil {
		return err
	}
	lines := make([]event.Line, 0, len(list))
	for _, l := range list[:min(len(list), onPage)] {
		lines = append(lines, event.LineOf(l))
	}
	base, _ := v["Base"].(string)
	query := url.Values{}
	for name, value := range map[string]string{"account": f.Account, "subject": f.Subject} {
		if v["Admin"] == true && value != "" {
			query.Set(name, value)
		}
	}
	v["Lines"], v["File"], v["OCSF"] = lines, at(base+"/journal.ndjson", query), at(base+"/journal.ocsf.ndjson", query)
	if len(list) > onPage {
		query.Set("before", strconv.FormatInt(lines[onPage-1].ID, 10))
		v["Older"] = at(base, query)
	}
	return a.Show("journal", v)
}

// at is an address with a query, where there is one.
func at(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// journalFile sends journal.ndjson or journal.ocsf.ndjson, oldest line first.
func (p *Pages) journalFile(a *Ask, file string, f record.JournalFilter) error {
	names := map[string]string{"journal.ndjson": "ndjson", "journal.ocsf.ndjson": "ocsf"}
	format, ok := event.FormatOf(names[file])
	if !ok {
		return bonded.Errorf(bonded.NotFound, "there is no such file; there are journal.ndjson and journal.ocsf.ndjson")
	}
	return a.Download(file, "application/x-ndjson", func(w io.Writer) error {
		return event.Export(a.Context(), p.Book, f, func(l record.Audit) error { return format(w, l) })
	})
}

// Download answers with a file that the browser keeps. What goes wrong on the
// way ends the file early, and is logged.
func (a *Ask) Download(name, kind string, write func(io.Writer) error) error {
	h := a.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	if err := write(a.w); err != nil {
		a.pages.Log.Warn("a download ended early", "file", name, "err", err)
	}
	return nil
}
