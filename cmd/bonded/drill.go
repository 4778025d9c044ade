package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"bonded.dev/guide"
	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
	visitors "bonded.dev/prove/visit/all"
	"bonded.dev/threats/all"

	"github.com/spf13/cobra"
)

// drillOptions are the flags of bonded drill.
type drillOptions struct {
	target      string
	kinds       []string
	credentials []string
	tokens      []string
	origin      string
	key         string
	authorized  bool
	without     []string
	teeth       bool
	list        bool
	asJSON      bool
}

func drillCommand() *cobra.Command {
	var o drillOptions
	c := &cobra.Command{
		Use:   "drill [THREAT ...]",
		Short: "Play attacks against a repository and see who is harmed",
		Long: `Play the attacks of the guide over HTTP, as an attacker would, and say who was
harmed and what stopped it.

Without --target they are played against a victim that is started for them: a
repository of this program in a temporary directory, in every dialect. With
--target they are played against that repository. It keeps what is published
there: inert packages named drill-... . A target that is not on this machine
needs --authorized, because attacking what you may not attack is a crime.

Two accounts take part, owner and stranger, each with the right to publish new
packages. A SECRET is a token, or USER:PASSWORD, or @FILE that holds either. An
attack that needs an account which was not given is "not played", and says so.
--token gives one that may do no more than its scopes, such as
"owner read:*=SECRET". With --key, the verifier key of a log as bonded log
verify takes it, a verifying client takes part. With --origin the drill answers
on HOST:PORT as the upstream of a target that pulls through.

--without takes controls out of the victim, to see what they are good for.
--teeth does so for each threat: without all its controls the victim must be
harmed; with each one alone it is shown what that one stops. Neither works on
a server: there is no setting that takes a control out of one.

Exit code 0: nobody was harmed. 1: somebody was, or a drill proves nothing.
3: something could not be found out.`,
		Example: `  bonded drill
  bonded drill version-overwrite name-reuse --json
  bonded drill version-overwrite --without immutable-versions
  bonded drill --teeth
  bonded drill --target http://127.0.0.1:4873/ --kind npm \
      --credential owner=@owner.token --credential stranger=@stranger.token
  bonded drill --target http://127.0.0.1:3000/ --kind go --origin 127.0.0.1:3001`,
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return drillNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error { return runDrill(c, args, o) },
	}
	f := c.Flags()
	f.StringVar(&o.target, "target", "", "`URL` to attack (default: our own victim)")
	f.StringSliceVar(&o.kinds, "kind", nil, "`dialects` to speak (default: all)")
	f.StringArrayVar(&o.credentials, "credential", nil, "what an actor shows: `ACTOR=SECRET`")
	f.StringArrayVar(&o.tokens, "token", nil, "a narrow token: `\"ACTOR SCOPES=SECRET\"`")
	f.StringVar(&o.origin, "origin", "", "`address` to answer on as an upstream")
	f.StringVar(&o.key, "key", "", "`key` of the target's log, to verify")
	f.BoolVar(&o.authorized, "authorized", false, "I may attack the target")
	f.StringSliceVar(&o.without, "without", nil, "`controls` to take out of the victim")
	f.BoolVar(&o.teeth, "teeth", false, "show which controls make the drills pass")
	f.BoolVar(&o.list, "list", false, "list what can be played, and what cannot")
	f.BoolVar(&o.asJSON, "json", false, "print JSON (docs/formats/drill.md)")
	return c
}

func runDrill(c *cobra.Command, args []string, o drillOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	b, err := book()
	if err != nil {
		return err
	}
	threats, err := chosen(b, args)
	if err != nil {
		return err
	}
	if o.list {
		return listDrills(c.OutOrStdout(), threats, o.asJSON)
	}
	plans, holes := plansFor(threats)
	if len(plans) == 0 {
		for _, t := range threats {
			fmt.Fprintf(c.OutOrStdout(), "%s is not played: %s%s\n", t.ID, t.Open, t.Undrilled)
		}
		return errUnknown
	}
	stage, done, err := o.stage(c.Context())
	if err != nil {
		return err
	}
	defer done()
	progress := newProgress(c.ErrOrStderr())
	opts := drill.Options{Without: o.without, Holes: holes, Progress: progress.step}
	for _, t := range b.Controls {
		opts.Known = append(opts.Known, t.ID)
	}
	var r drillReport
	if o.teeth {
		r, err = drill.Teeth(c.Context(), plans, stage, opts)
	} else {
		r, err = drill.Run(c.Context(), plans, stage, opts)
	}
	progress.done()
	if err != nil {
		return err
	}
	return o.print(c.OutOrStdout(), r)
}

// drillReport is what both ways of playing end in.
type drillReport interface {
	OK() bool
	Known() bool
	Text() string
}

func (o *drillOptions) print(out io.Writer, r drillReport) error {
	if o.asJSON {
		if err := encode(out, r); err != nil {
			return err
		}
	} else {
		fmt.Fprint(out, r.Text())
	}
	switch {
	case !r.OK():
		return errNo
	case !r.Known():
		return errUnknown
	}
	return nil
}

func encode(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// check refuses flags that do not go together.
func (o *drillOptions) check() error {
	if o.target == "" {
		for flag, given := range map[string]bool{"--credential": len(o.credentials) > 0, "--token": len(o.tokens) > 0, "--origin": o.origin != "", "--key": o.key != ""} {
			if given {
				return usagef("%s is for a repository of somebody else; say which with --target URL", flag)
			}
		}
	} else if len(o.without) > 0 || o.teeth {
		return usagef("--without and --teeth take controls out of a victim of our own; leave --target away")
	}
	table := absences()
	for _, id := range o.without {
		if _, ok := table[id]; !ok {
			return usagef("--without %s: this cannot be taken out; these can: %s", id, strings.Join(removable(), ", "))
		}
	}
	if o.teeth && len(o.without) > 0 {
		return usagef("--teeth takes out every control in turn; leave --without away")
	}
	for _, k := range o.kinds {
		if !slices.ContainsFunc(visitors.Dialects(), func(d visit.Dialect) bool { return d.ID() == k }) {
			return usagef("--kind %s: there are %s", k, strings.Join(kinds(), ", "))
		}
	}
	return o.checkTarget()
}

func (o *drillOptions) checkTarget() error {
	if o.target == "" {
		return nil
	}
	u, err := url.Parse(o.target)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "" {
		return usagef("--target %s: want the http:// or https:// URL of a repository", o.target)
	}
	if !strings.HasSuffix(o.target, "/") {
		o.target += "/"
	}
	if !onLoopback(u) && !o.authorized {
		return usagef("--target %s is not on this machine: the drill would attack it for real and leave packages there; "+
			"if its operator allows that, say so with --authorized", o.target)
	}
	return nil
}

// onLoopback reports whether a URL leads no further than this machine.
func onLoopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func kinds() (ids []string) {
	for _, d := range visitors.Dialects() {
		ids = append(ids, d.ID())
	}
	return ids
}

// dialects are those that were asked for.
func (o *drillOptions) dialects() []visit.Dialect {
	return slices.DeleteFunc(visitors.Dialects(), func(d visit.Dialect) bool {
		return len(o.kinds) > 0 && !slices.Contains(o.kinds, d.ID())
	})
}

// stage says where victims come from; done sees to what was opened for them.
func (o *drillOptions) stage(ctx context.Context) (s drill.Stage, done func(), err error) {
	if o.target == "" {
		return func(ctx context.Context, without []string) (drill.Victim, error) {
			return startVictim(ctx, without, o.dialects())
		}, func() {}, nil
	}
	f := &drill.Foreign{}
	if o.key != "" {
		f.Verifies = verifying(o.key)
	}
	if f.Credentials, err = secrets("--credential", "owner=SECRET", o.credentials); err != nil {
		return nil, nil, err
	}
	for actor := range f.Credentials {
		if actor != drill.Owner && actor != drill.Stranger {
			return nil, nil, usagef("--credential %s=...: the actors are %s and %s", actor, drill.Owner, drill.Stranger)
		}
	}
	if f.Tokens, err = secrets("--token", `"owner read:*=SECRET"`, o.tokens); err != nil {
		return nil, nil, err
	}
	u, err := url.Parse(o.target)
	if err != nil {
		return nil, nil, err
	}
	web := visit.NewWeb(agent("drill"), 0)
	if !onLoopback(u) {
		web.Pause = pause
	}
	done = web.Close
	if o.origin != "" {
		upstream, stop, err := drill.ListenOrigin(ctx, o.origin)
		if err != nil {
			return nil, nil, err
		}
		f.Upstream, done = upstream, func() { stop(); web.Close() }
		putLandmarks(upstream, o.dialects())
	}
	if f.Speaks, err = sitesAt(ctx, web, o.dialects(), o.target); err != nil {
		done()
		return nil, nil, err
	}
	return func(context.Context, []string) (drill.Victim, error) { return f, nil }, done, nil
}

// putLandmarks gives an upstream what a repository that pulls it through is
// recognised by.
func putLandmarks(upstream *drill.Origin, dialects []visit.Dialect) {
	for _, d := range dialects {
		if l, ok := d.(visit.Landmarks); ok {
			for path, body := range l.Landmarks() {
				upstream.Put(path, body)
			}
		}
	}
}

// pause is the least time between two requests to somebody else's machine.
const pause = 200 * time.Millisecond

// secrets reads NAME=SECRET; a secret that begins with @ stands in a file.
func secrets(flag, example string, list []string) (map[string]visit.Credential, error) {
	all := map[string]visit.Credential{}
	for _, text := range list {
		name, secret, ok := strings.Cut(text, "=")
		if !ok || name == "" || secret == "" {
			// What was typed may be the secret itself, so it is not repeated.
			return nil, usagef("%s: want for example %s", flag, example)
		}
		if file, ok := strings.CutPrefix(secret, "@"); ok {
			b, err := os.ReadFile(file)
			if err != nil {
				return nil, usagef("%s %s: reading the secret: %w", flag, name, err)
			}
			secret = strings.TrimSpace(string(b))
		}
		all[name] = visit.Credential(secret)
	}
	return all, nil
}

// chosen are the threats that were named, or all.
func chosen(b *guide.Book, ids []string) (list []*guide.Threat, err error) {
	if len(ids) == 0 {
		return b.Threats, nil
	}
	for _, id := range ids {
		t := b.Threat(id)
		if t == nil {
			return nil, usagef("there is no threat %s; bonded drill --list names them", id)
		}
		if !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list, nil
}

// plansFor are what can be played, and what could be if somebody built it.
func plansFor(threats []*guide.Threat) (plans []drill.Plan, holes []drill.Hole) {
	attacks := all.Attacks()
	for _, t := range threats {
		if t.Open != "" {
			holes = append(holes, drill.Hole{Threat: t.ID, Title: t.Title, Why: t.Open})
		}
		if len(attacks[t.ID]) > 0 {
			plans = append(plans, drill.Plan{Threat: t.ID, Title: t.Title, Controls: standing(t), Attacks: attacks[t.ID]})
		}
	}
	return plans, holes
}

// standing are the controls against a threat that this repository has.
func standing(t *guide.Threat) []string {
	ids := []string{}
	for _, c := range t.Stops {
		if c.Here == "held" || c.Here == "partly" {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func drillNames() (ids []string) {
	b, err := book()
	if err != nil {
		return nil
	}
	for _, t := range b.Threats {
		if t.Drilled {
			ids = append(ids, t.ID+"\t"+t.Title)
		}
	}
	return ids
}

// drillEntry is one line of bonded drill --list.
type drillEntry struct {
	Threat    string   `json:"threat"`
	Title     string   `json:"title"`
	Attacks   []string `json:"attacks"`
	Controls  []string `json:"controls"` // against it, that stand here
	Open      string   `json:"open,omitempty"`
	Undrilled string   `json:"undrilled,omitempty"`
}

func listDrills(out io.Writer, threats []*guide.Threat, asJSON bool) error {
	attacks, list := all.Attacks(), []drillEntry{}
	for _, t := range threats {
		e := drillEntry{Threat: t.ID, Title: t.Title, Attacks: []string{}, Controls: standing(t), Open: t.Open, Undrilled: t.Undrilled}
		for _, a := range attacks[t.ID] {
			e.Attacks = append(e.Attacks, a.Name)
		}
		list = append(list, e)
	}
	if asJSON {
		return encode(out, list)
	}
	var b strings.Builder
	for _, e := range list {
		drill.Paragraph(&b, e.Threat+"  ", e.Title)
		for _, a := range e.Attacks {
			drill.Paragraph(&b, "    ", a)
		}
		switch {
		case e.Open != "":
			drill.Paragraph(&b, "    open hole: ", e.Open)
		case e.Undrilled != "":
			drill.Paragraph(&b, "    no program can play it: ", e.Undrilled)
		}
	}
	fmt.Fprint(out, b.String())
	return nil
}
