package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"bonded.dev/prove/visit"
)

// Options of a run. The zero value is fine.
type Options struct {
	// Packages are the names to look at; empty: the first that there are.
	Packages []string
	// Most is how many packages are looked at; zero means 5.
	Most int
	// Credential is shown where a probe has a use for one.
	Credential visit.Credential
	// Witnesses are verifier keys of witnesses whom the auditor knows.
	Witnesses []string
	// SumDB is the verifier key of the checksum database that clients of module
	// proxies ask.
	SumDB string
	// Documented are URLs, by control, of texts that say that it is held.
	Documented map[string]string
	// Guest is what the operator gave for a stay; nil: there is none.
	Guest *Guest
	// Drill plays drills in a dialect; nil: none is played.
	Drill func(ctx context.Context, kind string) ([]Played, error)
	// Progress is told how far it is.
	Progress func(step string, done, total int)
	// Now is the clock; nil: the system's.
	Now func() time.Time
}

// Played is what came of one attack of a drill.
type Played struct {
	Threat, Attack string
	Outcome        string // harmed, stopped; anything else tells nothing
	Why            string
	// StoppedBy are the controls that the repository named in its refusal.
	StoppedBy []string
}

// The outcomes of an attack that tell something.
const (
	harmed  = "harmed"
	stopped = "stopped"
)

const defaultMost = 5

// Run audits a repository in each dialect that it speaks. An audit that the
// repository ended (429), or that could not go on, reports what it saw until
// then: see [Report.Stopped].
func Run(ctx context.Context, controls []Control, sites []*visit.Site, opts Options) (*Report, error) {
	if opts.Most == 0 {
		opts.Most = defaultMost
	}
	if opts.Progress == nil {
		opts.Progress = func(string, int, int) {}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	r := &Report{At: opts.Now().UTC().Format(time.RFC3339), Sections: []*Section{}}
	a := &auditor{controls: controls, opts: opts}
	for i, s := range sites {
		r.URL = s.Base
		if i == 0 {
			if err := a.read(ctx, s.Web); err != nil {
				r.Stopped = trouble(err)
			}
			a.visit(ctx, s)
			r.Stay = a.stay.summary()
		}
		section := a.section(ctx, s)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.Sections = append(r.Sections, section)
		if r.Stopped = section.Stopped; r.Stopped != "" {
			break
		}
	}
	return r, nil
}

// auditor is one run.
type auditor struct {
	controls []Control
	opts     Options
	texts    map[string]text // of what is documented, by control
	stay     *Stay           // nil: there was none
	security *remembered[*Security]
}

// declared reads what the repository says of itself, once.
func (a *auditor) declared(ctx context.Context, s *visit.Site) *Security {
	if a.security == nil {
		v := &Visit{Site: s}
		found, err := v.Security(ctx)
		// What could not be read says nothing.
		a.security = &remembered[*Security]{found, err}
	}
	return a.security.value
}

// visit stays where it may.
func (a *auditor) visit(ctx context.Context, s *visit.Site) {
	if a.opts.Guest == nil {
		return
	}
	security := a.declared(ctx, s)
	a.opts.Progress("staying with an account", 0, 1)
	a.stay = stay(ctx, *a.opts.Guest, s, security, a.opts.Now)
}

// text is a page that an operator points to.
type text struct {
	url, title, wrong string
}

// read fetches what is documented, each page once.
func (a *auditor) read(ctx context.Context, web *visit.Web) error {
	a.texts = map[string]text{}
	for _, id := range slices.Sorted(maps.Keys(a.opts.Documented)) {
		url := a.opts.Documented[id]
		r, err := web.Get(ctx, url, "text/html, */*;q=0.5")
		t := text{url: url}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, visit.ErrEnough):
			return err
		case err != nil:
			t.wrong = "it could not be read: " + trouble(err)
		case r.Status != 200:
			t.wrong = fmt.Sprintf("it answers %d", r.Status)
		default:
			if t.title = titleOf(r); t.title == "" {
				t.wrong = "it is empty"
			}
		}
		a.texts[id] = t
	}
	return nil
}

// titleOf is what a page calls itself, or how it begins.
func titleOf(r visit.Response) string {
	if _, after, ok := strings.Cut(string(r.Body), "<title"); ok {
		if _, after, ok = strings.Cut(after, ">"); ok {
			title, _, _ := strings.Cut(after, "</title")
			r.Body = []byte(title)
			if t := visit.Plain(r); t != "" {
				return clip(t)
			}
		}
	}
	return clip(visit.Plain(r))
}

const longestTitle = 100

func clip(s string) string {
	if r := []rune(s); len(r) > longestTitle {
		return string(r[:longestTitle]) + "..."
	}
	return s
}

// section audits one dialect.
func (a *auditor) section(ctx context.Context, s *visit.Site) *Section {
	out := &Section{Kind: s.Dialect.ID(), Root: s.Root, Packages: []string{}, Controls: []Judged{}}
	v := &Visit{Site: s, Credential: a.opts.Credential, Witnesses: a.opts.Witnesses, SumDB: a.opts.SumDB, Now: a.opts.Now(), Made: a.stay.token()}
	err := v.look(ctx, a.opts.Packages, a.opts.Most)
	for _, p := range v.Packages {
		out.Packages = append(out.Packages, p.Name)
	}
	out.Missing = v.Missing
	if errors.Is(err, visit.ErrEnough) {
		out.Stopped = trouble(err)
	} else if err != nil {
		out.Trouble = trouble(err)
	}
	for i := range a.controls {
		c := &a.controls[i]
		a.opts.Progress(s.Dialect.ID()+" "+c.ID, i, len(a.controls))
		j := Judged{Control: c.ID, Title: c.Title, Track: c.Track, Level: c.Level}
		f, err := a.ask(ctx, c, v, out.Stopped)
		if errors.Is(err, visit.ErrEnough) && out.Stopped == "" {
			out.Stopped = trouble(err)
		}
		j.take(f, err)
		j.tried(c, a.stay)
		out.Controls = append(out.Controls, j)
	}
	if out.Stopped == "" {
		a.drill(ctx, out)
	}
	var says *Security
	if out.Stopped == "" && slices.ContainsFunc(a.controls, func(c Control) bool { return c.Told != nil }) {
		says = a.declared(ctx, s)
	}
	for i := range out.Controls {
		out.Controls[i].tell(&a.controls[i], says, s.Base)
		a.document(&out.Controls[i])
	}
	out.count(a.controls)
	return out
}

// ask asks one probe, unless it is clear without.
func (a *auditor) ask(ctx context.Context, c *Control, v *Visit, stopped string) (Finding, error) {
	if _, reads := v.Site.Dialect.(visit.ReadOnly); reads && c.only(appliesAccount, appliesUpload) {
		return Say(Beside, "nobody uploads to a repository of this kind, so it has no accounts")
	}
	if c.Probe == nil {
		if c.only(appliesClient) {
			return Say(Beside, "a client holds this, not a repository")
		}
		return Say(Unknown, c.Unseen)
	}
	if stopped != "" {
		return Say(Unknown, "the audit ended before it could look")
	}
	return probe(ctx, c.Probe, v)
}

// probe keeps a mistake in one probe from ending the audit.
func probe(ctx context.Context, p Probe, v *Visit) (f Finding, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the probe panicked: %v", p)
		}
	}()
	return p(ctx, v)
}

// take writes a finding down.
func (j *Judged) take(f Finding, err error) {
	j.State, j.Why, j.Evidence = f.State, plain(f.Why), append([]Evidence{}, f.Evidence...)
	if err != nil {
		j.State, j.Why = Unknown, "it could not be found out: "+trouble(err)
	}
	for i := range j.Evidence {
		j.Evidence[i].Saw = plain(j.Evidence[i].Saw)
	}
}

// drill lets attacks speak for the controls that they are about, and refusals
// for those that they name. Where attacks did harm that outweighs what a probe
// saw; where they were stopped it fills gaps.
func (a *auditor) drill(ctx context.Context, out *Section) {
	if a.opts.Drill == nil {
		return
	}
	a.opts.Progress(out.Kind+" drills", 0, 1)
	played, err := a.opts.Drill(ctx, out.Kind)
	if err != nil {
		out.Trouble = "the drills could not be played: " + trouble(err)
		return
	}
	for i := range a.controls {
		c, j := &a.controls[i], &out.Controls[i]
		var met []Played
		for _, p := range played {
			if slices.Contains(c.Drills, p.Threat) || slices.Contains(p.StoppedBy, c.ID) {
				met = append(met, p)
			}
		}
		j.drilled(c, met)
	}
}

func (j *Judged) drilled(c *Control, met []Played) {
	n, enough := map[string]int{}, c.Enough
	for _, p := range met {
		n[p.Outcome]++
		enough = enough || slices.Contains(p.StoppedBy, c.ID)
	}
	if n[harmed]+n[stopped] == 0 || j.State == Beside {
		return
	}
	for _, p := range met {
		if p.Outcome == harmed || p.Outcome == stopped && n[harmed] == 0 {
			j.Evidence = append(j.Evidence, Evidence{URL: "drill:" + p.Threat, Saw: plain(p.Attack + ": " + p.Outcome + ": " + p.Why)})
		}
	}
	rest := ""
	if others := len(met) - n[harmed] - n[stopped]; others > 0 {
		rest = fmt.Sprintf("; %d more could not be played", others)
	}
	switch {
	case n[harmed] > 0:
		j.State, j.Why = NotHeld, fmt.Sprintf("the drill did harm with %d of %s%s", n[harmed], Count(n[harmed]+n[stopped], "attack"), rest)
	case j.State == Unknown && enough:
		j.State, j.Why = Held, fmt.Sprintf("the drill was stopped in all of %s%s", Count(n[stopped], "attack"), rest)
	default:
		j.Why += fmt.Sprintf("; the drill did no harm with %s%s", Count(n[stopped], "attack"), rest)
	}
}

// document adds what the operator points to. It fills a gap; it never
// outweighs what was seen.
func (a *auditor) document(j *Judged) {
	t, ok := a.texts[j.Control]
	if !ok {
		return
	}
	if t.wrong != "" {
		j.Evidence = append(j.Evidence, Evidence{URL: t.url, Saw: "given as documentation, but " + t.wrong})
		return
	}
	j.Evidence = append(j.Evidence, Evidence{URL: t.url, Saw: "documented: " + t.title})
	switch j.State {
	case Unknown:
		j.State, j.Why = Documented, "the operator points to a text; nobody looked whether it is so"
	case NotHeld:
		j.Why += "; the operator points to a text that says otherwise"
	}
}

// plain keeps a stranger's words on one line and off the terminal.
func plain(s string) string {
	return visit.Plain(visit.Response{Body: []byte(s)})
}

// ours is the visitor's own end of a connection, which is another each time.
var ours = regexp.MustCompile(`[0-9a-f.:\[\]]+:\d+->`)

// trouble is an error as a report tells it.
func trouble(err error) string { return plain(ours.ReplaceAllString(err.Error(), "")) }
