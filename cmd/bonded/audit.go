package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	controlcode "bonded.dev/controls/all"
	"bonded.dev/guide"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
	visitors "bonded.dev/prove/visit/all"

	"github.com/spf13/cobra"
	f_note "github.com/transparency-dev/formats/note"
	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/sumdb/note"
)

// auditOptions are the flags of bonded audit.
type auditOptions struct {
	target      *url.URL
	kinds       []string
	packages    []string
	most        int
	documented  []string
	statement   string
	credentials []string
	tokens      []string
	accounts    []string
	inbox       string
	authorized  bool
	witnesses   []string
	sumdb       string
	require     []string
	rate        string
	contact     string
	asJSON      bool
	html        string
}

const (
	defaultRate    = "5/s"
	defaultContact = "https://bonded.dev/audit"
)

const auditLong = `Look at a repository as a stranger does, in every dialect that it speaks, and
say of each control of the guide whether it is held, not held, documented,
unknown, or not applicable; with the evidence, a level for each track, and what
to fund next. It reads a few packages and changes nothing. What cannot be seen
is unknown: nothing is guessed.

It is polite: at most --rate requests a second (without limit on this machine),
a User-Agent that says how to complain, and when the repository answers 429 it
stops and reports what it saw until then.

What the operator publishes about a control can be given, one URL each, with
--documented or in a file with --statement:

    documented:
      recovery-policy: https://registry.example/help/recovery

A page that is there makes an unknown control "documented", never "held".

With --credential owner=SECRET (and stranger=SECRET) it also plays the drills
that prove a control, which leaves inert packages named drill-... there. That
needs --authorized unless the repository is on this machine. A SECRET is a
token, or USER:PASSWORD, or @FILE that holds either.

With --account tester=LINK, an enrolment link of an account made for the visit,
it stays: it sets the account up, tries with it what an account can try (a
password alone, a copied cookie, a wider token, guesses) and leaves it signed
out. --account member=LINK is a second account that gets few rights to an inert
package named audit-...; --account lapsed=LINK one whose mail domain lapsed and
was noticed. --inbox DIR holds the mails of the tester's address, one a file.
This too needs --authorized unless the repository is on this machine.

--require makes the answer a yes or no: a level for every track (2), a level for
one (Distribution=2) or for Authorization in the OpenSSF Principles, or a control (strong-digests).

Exit code 0: the audit is done. 1: what --require asks for was not seen.
2: wrong usage. 3: it could not be found out, or not all of it.`

func auditCommand() *cobra.Command {
	var o auditOptions
	c := &cobra.Command{
		Use:   "audit URL",
		Short: "Measure a repository from outside, control by control",
		Long:  auditLong,
		Example: `  bonded audit http://127.0.0.1:8420/
  bonded audit https://registry.example/ --kind npm --package left-pad --html audit.html
  bonded audit https://registry.example/ --statement operator.yaml --json
  bonded audit http://127.0.0.1:4873/ --credential owner=@owner.token
  bonded audit http://127.0.0.1:8420/ --account tester=@enrolment.link --inbox ~/Maildir/new
  bonded audit http://127.0.0.1:8420/ --require strong-digests --require Distribution=1`,
		Args: exactArgs("URL"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.check(args[0]); err != nil {
				return err
			}
			return runAudit(c, o)
		},
	}
	f := c.Flags()
	f.StringSliceVar(&o.kinds, "kind", nil, "dialects to speak (default: all that the repository does)")
	f.StringArrayVar(&o.packages, "package", nil, "a package to look at (default: the first ones that the repository names)")
	f.IntVar(&o.most, "most", 5, "packages to look at, at most")
	f.StringArrayVar(&o.documented, "documented", nil, "CONTROL=URL: a page on which the operator says how it is held")
	f.StringVar(&o.statement, "statement", "", "a YAML file with such pages")
	f.StringArrayVar(&o.credentials, "credential", nil, "ACTOR=SECRET: what the owner or the stranger shows")
	f.StringArrayVar(&o.tokens, "token", nil, `"ACTOR SCOPES=SECRET": a token that may do no more, for the drills`)
	f.StringArrayVar(&o.accounts, "account", nil, "WHO=LINK: the enrolment link of an account for the visit (tester, member, lapsed)")
	f.StringVar(&o.inbox, "inbox", "", "directory with the mails of the tester's address, one a file")
	f.BoolVar(&o.authorized, "authorized", false, "I may play drills against the repository, and stay with accounts")
	f.StringArrayVar(&o.witnesses, "witness", nil, "verifier key of a witness whom you know")
	f.StringVar(&o.sumdb, "sumdb", "", "NAME+HASH+KEY of the checksum database that clients of a module proxy ask (GOSUMDB)")
	f.StringArrayVar(&o.require, "require", nil, "a level, TRACK=LEVEL, or a control that must be seen")
	f.StringVar(&o.rate, "rate", "", "at most so many requests, as 5/s or 30/m (default "+defaultRate+"; none here)")
	f.StringVar(&o.contact, "contact", defaultContact, "how to complain about this visit")
	f.BoolVar(&o.asJSON, "json", false, "print JSON (docs/formats/audit.md)")
	f.StringVar(&o.html, "html", "", "also write the report to this file, as one page")
	return c
}

func runAudit(c *cobra.Command, o auditOptions) error {
	b, err := book()
	if err != nil {
		return err
	}
	wanted, err := o.required(b)
	if err != nil {
		return err
	}
	opts := audit.Options{Packages: o.packages, Most: o.most, Witnesses: o.witnesses, SumDB: o.sumdb}
	if opts.Documented, err = o.texts(b); err != nil {
		return err
	}
	if opts.Guest, err = o.guest(); err != nil {
		return err
	}
	secrets, err := actors(o.credentials)
	if err != nil {
		return err
	}
	pause, err := o.pause()
	if err != nil {
		return err
	}
	web := visit.NewWeb(agent("audit")+" (+"+o.contact+")", pause)
	defer web.Close()
	sites, err := sitesAt(c.Context(), web, o.dialects(), o.target.String())
	if err != nil {
		return o.unfound(err)
	}
	opts.Credential = secrets[drill.Owner]
	if len(secrets) > 0 {
		if opts.Drill, err = o.drills(b, sites, secrets); err != nil {
			return err
		}
	}
	progress := newProgress(c.ErrOrStderr())
	opts.Progress = progress.step
	report, err := audit.Run(c.Context(), auditControls(b), sites, opts)
	progress.done()
	if err != nil {
		return fmt.Errorf("auditing %s: %w", o.target, err)
	}
	if err := o.print(c.OutOrStdout(), report); err != nil {
		return err
	}
	return verdict(c.ErrOrStderr(), report, wanted)
}

func (o *auditOptions) print(out io.Writer, r *audit.Report) error {
	if o.html != "" {
		page, err := r.HTML()
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.html, page, 0o644); err != nil {
			return fmt.Errorf("writing the page: %w", err)
		}
	}
	if o.asJSON {
		return encode(out, r)
	}
	_, err := fmt.Fprint(out, r.Text())
	return err
}

// verdict is the exit code, with what it is about.
func verdict(w io.Writer, r *audit.Report, wanted []requirement) error {
	missing := 0
	for _, s := range r.Sections {
		for _, q := range wanted {
			for _, what := range q.missing(s) {
				missing++
				fmt.Fprintf(w, "bonded: required and not seen in %s: %s\n", s.Kind, what)
			}
		}
	}
	incomplete := r.Stopped != "" || slices.ContainsFunc(r.Sections, func(s *audit.Section) bool { return s.Trouble != "" })
	switch {
	case incomplete:
		fmt.Fprintln(w, "bonded: not all of it could be looked at; the report says why")
		return errUnknown
	case missing > 0:
		return errNo
	}
	return nil
}

// unfound explains why there is nothing to audit.
func (o *auditOptions) unfound(err error) error {
	switch {
	case errors.Is(err, visit.ErrNotSpoken):
		asked := o.kinds
		if len(asked) == 0 {
			asked = kinds()
		}
		return fmt.Errorf("no repository was recognised at %s (looked for %s): give the URL under which its clients are set up, and a package that it has with --package",
			o.target, strings.Join(asked, ", "))
	case errors.Is(err, visit.ErrEnough):
		return fmt.Errorf("auditing %s: %w; try again later, with a lower --rate", o.target, err)
	}
	return err
}

// check reads the URL and refuses flags that do not go together.
func (o *auditOptions) check(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "" {
		return usagef("%s: want the http:// or https:// URL of a repository", text)
	}
	if u.User != nil {
		return usagef("a URL is no place for a secret; give it with --credential owner=@FILE")
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	o.target = u
	for _, k := range o.kinds {
		if !slices.Contains(kinds(), k) {
			return usagef("--kind %s: there are %s", k, strings.Join(kinds(), ", "))
		}
	}
	switch {
	case o.most < 1:
		return usagef("--most %d: want at least one package", o.most)
	case len(o.credentials) > 0 && !onLoopback(u) && !o.authorized:
		return usagef("with --credential the audit plays drills: it would attack %s for real and leave packages there; if its operator allows that, say so with --authorized", u.Host)
	case len(o.accounts) > 0 && !onLoopback(u) && !o.authorized:
		return usagef("with --account the audit tries ways into %s that its operator may take for an attack; if they allow that, say so with --authorized", u.Host)
	case o.inbox != "" && len(o.accounts) == 0:
		return usagef("--inbox is for a stay, which takes --account tester=LINK as well")
	case len(o.tokens) > 0 && len(o.credentials) == 0:
		return usagef("--token is for the drills, which take --credential owner=SECRET as well")
	case o.sumdb != "" && !isKey(o.sumdb):
		return usagef("--sumdb: want NAME+HASH+KEY, as GOSUMDB has it")
	case strings.ContainsAny(o.contact, "\r\n()") || o.contact == "":
		return usagef("--contact %q: want one address, such as mailto:audits@example.org", o.contact)
	}
	for _, key := range o.witnesses {
		if _, err := f_note.NewVerifierForCosignatureV1(key); err != nil {
			return usagef("--witness: want the verifier key of a witness, NAME+HASH+KEY: %w", err)
		}
	}
	return nil
}

func isKey(text string) bool {
	_, err := note.NewVerifier(text)
	return err == nil
}

// dialects are those that were asked for, told of a package if one was.
func (o *auditOptions) dialects() (list []visit.Dialect) {
	for _, d := range visitors.Dialects() {
		if len(o.kinds) > 0 && !slices.Contains(o.kinds, d.ID()) {
			continue
		}
		if g, ok := d.(visit.Guided); ok && len(o.packages) > 0 {
			d = g.Knowing(o.packages...)
		}
		if c, ok := d.(visit.Checked); ok && o.sumdb != "" {
			name, _, _ := strings.Cut(o.sumdb, "+")
			d = c.CheckedBy(name)
		}
		list = append(list, d)
	}
	return list
}

// pause is the least time between two requests.
func (o *auditOptions) pause() (time.Duration, error) {
	rate := o.rate
	if rate == "" {
		if onLoopback(o.target) {
			return 0, nil
		}
		rate = defaultRate
	}
	number, unit, ok := strings.Cut(rate, "/")
	n, err := strconv.ParseFloat(number, 64)
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute}[unit]
	if err != nil || !ok || per == 0 || n <= 0 || n > 1000 {
		return 0, usagef("--rate %s: want for example 5/s or 30/m", o.rate)
	}
	return time.Duration(float64(per) / n), nil
}

// texts are the pages that the operator points to, by control.
func (o *auditOptions) texts(b *guide.Book) (map[string]string, error) {
	var file struct {
		Documented map[string]string `yaml:"documented"`
	}
	if o.statement != "" {
		text, err := os.ReadFile(o.statement)
		if err != nil {
			return nil, usagef("--statement: %w", err)
		}
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		if err := d.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
			return nil, usagef("--statement %s: %w", o.statement, err)
		}
	}
	all := map[string]string{}
	maps.Copy(all, file.Documented)
	for _, text := range o.documented {
		id, at, ok := strings.Cut(text, "=")
		if !ok {
			return nil, usagef("--documented %s: want CONTROL=URL", text)
		}
		all[id] = at
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if b.Control(id) == nil {
			return nil, usagef("there is no control %s to document; see: bonded guide --format md", id)
		}
		if u, err := url.Parse(all[id]); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return nil, usagef("%s is documented at %q, which is no http:// or https:// URL", id, all[id])
		}
	}
	return all, nil
}

// actors reads who shows what.
func actors(list []string) (map[string]visit.Credential, error) {
	all, err := secrets("--credential", "owner=SECRET", list)
	if err != nil {
		return nil, err
	}
	for actor := range all {
		if actor != drill.Owner && actor != drill.Stranger {
			return nil, usagef("--credential %s=...: the actors are %s and %s", actor, drill.Owner, drill.Stranger)
		}
	}
	return all, nil
}

// drills plays, in one dialect, the attacks that speak for a control.
func (o *auditOptions) drills(b *guide.Book, sites []*visit.Site, credentials map[string]visit.Credential) (func(context.Context, string) ([]audit.Played, error), error) {
	tokens, err := secrets("--token", `"owner read:*=SECRET"`, o.tokens)
	if err != nil {
		return nil, err
	}
	var threats []*guide.Threat
	for _, t := range b.Threats {
		if slices.ContainsFunc(slices.Collect(maps.Values(controlcode.Drills())), func(d controlcode.Drilled) bool { return slices.Contains(d.Threats, t.ID) }) {
			threats = append(threats, t)
		}
	}
	plans, _ := plansFor(threats)
	opts := drill.Options{}
	for _, c := range b.Controls {
		opts.Known = append(opts.Known, c.ID)
	}
	return func(ctx context.Context, kind string) (list []audit.Played, err error) {
		i := slices.IndexFunc(sites, func(s *visit.Site) bool { return s.Dialect.ID() == kind })
		v := undisturbed{&drill.Foreign{Speaks: sites[i : i+1], Credentials: credentials, Tokens: tokens}}
		r, err := drill.Run(ctx, plans, func(context.Context, []string) (drill.Victim, error) { return v, nil }, opts)
		if err != nil {
			return nil, err
		}
		for _, t := range r.Threats {
			for _, p := range t.Outcomes {
				list = append(list, audit.Played{Threat: t.Threat, Attack: p.Attack, Outcome: p.Outcome, Why: p.Why, StoppedBy: p.StoppedBy})
			}
		}
		return list, nil
	}, nil
}

// undisturbed is a repository that nobody stands in front of. The drills of an
// audit speak for what the repository does; what clients would notice of
// somebody in between is another question, so that those attacks stay unknown.
type undisturbed struct{ *drill.Foreign }

func (undisturbed) Verify(context.Context, string) error {
	return errors.New("an audit plays nobody in between")
}

// auditControls are the controls of the guide, with the code that looks for
// them.
func auditControls(b *guide.Book) (list []audit.Control) {
	probes, drills, trials, told := controlcode.Probes(), controlcode.Drills(), controlcode.Trials(), controlcode.Told()
	items := answers(b)
	for _, c := range b.Controls {
		a := audit.Control{
			ID: c.ID, Title: c.Title, Track: c.Track, Level: c.Level, Applies: c.Applies, Effort: c.Effort,
			Requires: c.Requires, Incidents: len(c.Incidents), Recent: guide.Recent(c.Incidents),
			Probe: probes[c.ID], Unseen: c.Unseen, Trial: trials[c.ID], Told: told[c.ID], Items: items[c.ID], Drills: drills[c.ID].Threats, Enough: drills[c.ID].Enough,
		}
		for _, u := range c.Unlocks {
			a.Unlocks = append(a.Unlocks, u.ID)
		}
		list = append(list, a)
	}
	return list
}

// authorization is the group of the Principles that is no track of the guide and
// concerns a repository; see [audit.Principle].
const authorization = "Authorization"

// requirement is one --require: a control, or a level of a track or of all.
type requirement struct {
	control, track string
	level          int
}

func (o *auditOptions) required(b *guide.Book) (list []requirement, err error) {
	for _, text := range o.require {
		track, number, isTrack := strings.Cut(text, "=")
		if !isTrack {
			track, number = "", text
		}
		level, err := strconv.Atoi(number)
		known := track == "" || track == authorization || slices.ContainsFunc(guide.Tracks(), func(t guide.Term) bool { return t.ID == track })
		switch {
		case err == nil && known && level >= 1 && level <= 4:
			list = append(list, requirement{track: track, level: level})
		case b.Control(text) != nil:
			list = append(list, requirement{control: text})
		default:
			return nil, usagef("--require %s: want a level from 1 to 4, TRACK=LEVEL such as Distribution=2, or a control of the guide", text)
		}
	}
	return list, nil
}

// missing says what of a requirement was not seen in a dialect.
func (q requirement) missing(s *audit.Section) (list []string) {
	if q.control != "" {
		if j := s.Find(q.control); j.State != audit.Held && j.State != audit.Beside {
			list = append(list, fmt.Sprintf("%s is %s: %s", q.control, j.State, j.Why))
		}
		return list
	}
	for _, p := range s.Principles {
		if q.track == authorization && p.Group == q.track && p.Applies && p.Level < q.level {
			list = append(list, fmt.Sprintf("%s of the Principles is at level %d, not %d", p.Group, p.Level, q.level))
		}
	}
	for _, t := range s.Tracks {
		if t.Applies && t.Level < q.level && (q.track == "" || q.track == t.Track) {
			list = append(list, fmt.Sprintf("%s is at level %d, not %d", t.Track, t.Level, q.level))
		}
	}
	return list
}
