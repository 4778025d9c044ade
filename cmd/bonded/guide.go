package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"bonded.dev"
	press "bonded.dev/guide/book"

	"github.com/spf13/cobra"
)

// guideOptions are the flags of bonded guide.
type guideOptions struct {
	format string
	out    string
	single string
	list   bool
}

func guideCommand() *cobra.Command {
	var o guideOptions
	c := &cobra.Command{
		Use:   "guide [TOPIC]",
		Short: "Read how repositories are attacked and what stops it, or print it all",
		Long: `Read the guide to package repository security that is built in.

A TOPIC is the id of a page, as refusals name it, or a part of its title. Where
a threat, a control and a chapter share an id, control:ID, threat:ID and so on
tell them apart. Without TOPIC and flags it says where to begin.

--out prints everything into a folder: a site that works from the disk or below
any path of a server, or with --format md a folder of Markdown. --single prints
one HTML file that needs nothing else, for reading offline and for paper.
--format json is the whole catalogue as data (docs/formats/guide.md).

A server that runs has the same guide at /guide/.

Exit code 1: the guide has no such topic.`,
		Example: `  bonded guide immutable-versions
  bonded guide dependency confusion
  bonded guide --list
  bonded guide --out ./guide-site
  bonded guide --format md --out ./guide-md
  bonded guide --format json | jq '.threats[].id'
  bonded guide --single guide.html`,
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return guideTopics(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			return runGuide(strings.Join(args, " "), o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "", "html, md or json (default: html for a site, text for a topic)")
	f.StringVar(&o.out, "out", "", "folder to print everything into")
	f.StringVar(&o.single, "single", "", "file to print everything into, as one HTML page")
	f.BoolVar(&o.list, "list", false, "list the topics, or those that match TOPIC")
	return c
}

// guideTopics are what a shell completes.
func guideTopics() (list []string) {
	p, err := printer()
	if err != nil {
		return nil
	}
	for _, t := range p.Topics() {
		list = append(list, t.ID+"\t"+t.Title)
	}
	return list
}

// printer is the guide, ready to be printed.
func printer() (*press.Printer, error) {
	b, err := book()
	if err != nil {
		return nil, err
	}
	return press.New(b), nil
}

func runGuide(topic string, o guideOptions, stdout, stderr io.Writer) error {
	if err := o.check(topic); err != nil {
		return err
	}
	p, err := printer()
	if err != nil {
		return err
	}
	switch {
	case o.list:
		return listTopics(p, topic, stdout)
	case topic != "":
		return printTopic(p, topic, o.format, stdout)
	case o.single != "":
		return printSingle(p, o.single, stderr)
	case o.format == "json":
		return printCatalogue(p, o.out, stdout, stderr)
	case o.out != "":
		return printFolder(p, o, stderr)
	}
	return beginGuide(p, stdout)
}

// check finds flags that do not go together.
func (o guideOptions) check(topic string) error {
	switch {
	case o.format != "" && !slices.Contains([]string{"html", "md", "json"}, o.format):
		return usagef("--format %s: it is html, md or json", o.format)
	case topic != "" && (o.out != "" || o.single != ""):
		return usagef("--out and --single print the whole guide; leave %q out, or the flag", topic)
	case topic != "" && o.format == "html":
		return usagef("a single topic is printed as text, md or json; for a site: bonded guide --out DIR")
	case o.single != "" && (o.out != "" || o.format == "md" || o.format == "json"):
		return usagef("--single prints one HTML file; leave the other flags out")
	case topic == "" && !o.list && o.out == "" && o.single == "" && (o.format == "html" || o.format == "md"):
		return usagef("--format %s needs a folder: bonded guide --format %s --out DIR", o.format, o.format)
	}
	return nil
}

func listTopics(p *press.Printer, topic string, stdout io.Writer) error {
	list := p.Topics()
	if topic != "" {
		list = p.Find(topic)
	}
	if len(list) == 0 {
		return unknownTopic(p, topic)
	}
	_, err := io.WriteString(stdout, press.List(list))
	return err
}

func unknownTopic(p *press.Printer, topic string) error {
	hint := "bonded guide --list names all topics"
	if near := p.Near(topic); len(near) > 0 {
		var ids []string
		for _, t := range near {
			ids = append(ids, t.ID)
		}
		hint = "near it: " + strings.Join(ids, ", ")
	}
	return bonded.Errorf(bonded.NotFound, "the guide has no topic %q; %s", topic, hint)
}

// printTopic prints the page that somebody means. Several pages with one id are
// told apart below it; several with one word are a question back.
func printTopic(p *press.Printer, topic, format string, stdout io.Writer) error {
	found := p.Find(topic)
	if len(found) == 0 {
		return unknownTopic(p, topic)
	}
	same := !slices.ContainsFunc(found, func(t press.Topic) bool { return t.ID != found[0].ID })
	if len(found) > 1 && !same {
		return usagef("%q is in %d topics; say which:\n%s", topic, len(found), strings.TrimRight(press.List(found[:min(20, len(found))]), "\n"))
	}
	switch {
	case format == "":
		format = press.AsText
	case format == press.AsJSON && found[0].Kind == "page":
		return usagef("%s lists other pages; as data they are in: bonded guide --format json", found[0].ID)
	}
	b, err := p.Topic(found[0], format)
	if err != nil {
		return err
	}
	if len(found) > 1 && format == press.AsText {
		var others []string
		for _, t := range found[1:] {
			others = append(others, t.String())
		}
		b = fmt.Appendf(b, "\nOf the same name: %s\n", strings.Join(others, ", "))
	}
	_, err = stdout.Write(b)
	return err
}

func printSingle(p *press.Printer, name string, stderr io.Writer) error {
	b, err := p.Single()
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, b, 0o644); err != nil { //nolint:gosec // for everybody to read
		return fmt.Errorf("writing the guide: %w", err)
	}
	fmt.Fprintf(stderr, "the guide is in %s (%d kB); open it in a browser, which can print it to PDF\n", name, len(b)/1000)
	return nil
}

func printCatalogue(p *press.Printer, dir string, stdout, stderr io.Writer) error {
	b, err := p.JSON()
	if err != nil {
		return err
	}
	if dir == "" {
		_, err = stdout.Write(b)
		return err
	}
	if _, err := writeGuide(dir, []string{"guide.json"}, func(string) ([]byte, error) { return b, nil }); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "the catalogue is in %s/guide.json\n", strings.TrimRight(dir, "/"))
	return nil
}

// printFolder prints a site or a folder of Markdown, and says which chapters
// rest on facts that nobody looked at lately.
func printFolder(p *press.Printer, o guideOptions, stderr io.Writer) error {
	names, print, first := p.Files(), p.File, "index.html"
	if o.format == "md" {
		files := p.MarkdownFiles()
		names, first = nil, "README.md"
		for name := range files {
			names = append(names, name)
		}
		slices.Sort(names)
		print = func(name string) ([]byte, error) { return p.Markdown(files[name]) }
	}
	n, err := writeGuide(o.out, names, print)
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%d files; begin with %s/%s\n", n, strings.TrimRight(o.out, "/"), first)
	stale := p.Stale(time.Now())
	for _, c := range stale {
		fmt.Fprintf(stderr, "stale: %s %s, its facts were last checked %s\n", c.Kind, c.ID, cmp.Or(c.Checked, "never"))
	}
	fmt.Fprintf(stderr, "%d of %d pages with facts were not checked for 180 days; %d threats are open holes\n", len(stale), len(p.Dated()), len(p.Holes()))
	return nil
}

func writeGuide(dir string, names []string, print func(string) ([]byte, error)) (int, error) {
	n, err := press.Write(dir, names, print)
	if errors.Is(err, press.ErrOccupied) {
		err = usagef("%s is not empty and holds no guide; nothing was written: name another folder", dir)
	}
	return n, err
}

// beginGuide says what there is and where to begin.
func beginGuide(p *press.Printer, stdout io.Writer) error {
	var begin, rest []press.Topic
	for _, t := range p.Topics() {
		if c := p.Chapter(t.ID); t.Kind == "chapter" && c.Part == "start" {
			begin = append(begin, t)
		} else if t.Kind == "chapter" {
			rest = append(rest, t)
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "How package repositories are attacked, and what stops it:\n%d threats, %d controls, %d incidents, %d chapters.\n",
		len(p.Threats), len(p.Controls), len(p.Incidents), len(p.Chapters))
	if len(begin) > 0 {
		out.WriteString("\nWhere to begin, by who you are\n" + unheaded(press.List(begin)))
	}
	if len(rest) > 0 {
		out.WriteString("\nOne subject at a time\n" + unheaded(press.List(rest)))
	}
	out.WriteString(`
Read one             bonded guide start-small
What a refusal means bonded guide immutable-versions
Everything by name   bonded guide --list
In a browser         bonded guide --out ./guide-site, or /guide/ on a server
On paper             bonded guide --single guide.html
`)
	_, err := io.WriteString(stdout, out.String())
	return err
}

func unheaded(list string) string {
	_, rest, _ := strings.Cut(list, "\n")
	return rest
}
