package notice

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
)

const (
	columns     = 78  // RFC 5322 section 2.1.1
	maxDetail   = 300 // characters of what others wrote
	maxSubject  = 110
	maxReleases = 50 // listed in one mail
)

// compose writes the mail about one line, or about several releases.
func (r *Room) compose(ctx context.Context, u record.User, lines []record.Delivery) (text, error) {
	a := lines[0].Line
	k, ok := event.Find(a.Action)
	if !ok {
		k = event.Kind{ID: a.Action, Title: "Something changed"}
	}
	w, err := r.waitingOf(ctx, a)
	if err != nil {
		return text{}, err
	}
	t := text{ID: messageID(u.Name, lines), Subject: r.subject(k.Title, a)}
	var b body
	b.say("Hello " + u.Name + ",")
	if len(lines) > 1 {
		t.Subject = r.subject(strconv.Itoa(len(lines))+" releases were published", record.Audit{})
		b.say(strconv.Itoa(len(lines)) + " releases were published by " + who(a.Actor) + ".")
		b.releases(lines)
	} else {
		b.say(k.Title + ".")
		b.facts(facts(a, u.Name))
	}
	if w != nil {
		r.change(&b, u, w)
	}
	b.say(advice(k, a, u.Name))
	b.say(foot(r.host))
	t.Body = b.String()
	return t, nil
}

// messageID is the same when the same mail is sent again, and tells nobody's name.
func messageID(user string, lines []record.Delivery) string {
	m := hmac.New(sha256.New, []byte("notice"))
	fmt.Fprintf(m, "%s", user)
	for _, d := range lines {
		fmt.Fprintf(m, " %d %d", d.Line.ID, d.Line.At.UnixMicro())
	}
	return "notice-" + hex.EncodeToString(m.Sum(nil)[:12])
}

// subject is one line that begins with the repository's name, so that people
// can sort by it.
func (r *Room) subject(title string, a record.Audit) string {
	s := "[bonded " + r.host + "] " + title
	if about := packageOrOrg(a.Subject); about != "" {
		s += ": " + about
	}
	return plain(s, maxSubject)
}

// packageOrOrg is the subject of a line when it is no account.
func packageOrOrg(subject string) string {
	if strings.Contains(subject, "/") || strings.HasPrefix(subject, "@") {
		return subject
	}
	return ""
}

// facts are the lines of a small table.
func facts(a record.Audit, user string) (list [][2]string) {
	add := func(name, value string) {
		if value = plain(value, maxDetail); value != "" {
			list = append(list, [2]string{name, value})
		}
	}
	add("When", moment(a.At))
	add("By", who(a.Actor))
	switch {
	case strings.Contains(a.Subject, "/") && !strings.HasPrefix(a.Subject, "@"):
		add("Package", a.Subject)
	case a.Subject != user && a.Subject != a.Account:
		add("About", a.Subject)
	}
	if a.Account != "" {
		add("Account", a.Account)
	}
	if strings.HasPrefix(a.Action, "change.") {
		add("Change", a.Detail)
	} else {
		add("Details", a.Detail)
	}
	return list
}

// who says an actor of the journal in words.
func who(actor string) string {
	switch id, publisher := strings.CutPrefix(actor, "publisher:"); {
	case publisher:
		return "a build job (trusted publisher " + plain(id, 40) + ")"
	case actor == "admin":
		return "an administrator, by a command on the server"
	case actor == "bonded":
		return "the repository itself"
	case actor == "link":
		return "somebody who has a mail with the cancel link"
	case actor == "":
		return "somebody who is not known here"
	}
	return "the account " + plain(actor, 40)
}

func moment(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// change tells of a change that waits, and how it is cancelled.
func (r *Room) change(b *body, u record.User, w *record.Waiting) {
	switch {
	case w.Outcome == "cancelled":
		b.say("It was cancelled since. Nothing changes.")
	case w.Outcome == "failed":
		b.say("It could not be made when its time came. Nothing changes.")
	case w.Outcome == record.WaitingDoing:
		b.say("Its time has come, and it is being made now.")
	case !w.Ended.IsZero():
		b.say("It took effect on " + moment(w.Ended) + ".")
	case u.Verified.IsZero():
		b.say("Nothing has changed yet. It takes effect on " + moment(w.Due) + ", unless somebody cancels it before. " +
			"This address was never proven, so there is no cancel link here: sign in and cancel it on the page of your account.")
	default:
		b.say("Nothing has changed yet. It takes effect on " + moment(w.Due) + ", unless somebody cancels it before. " +
			"To cancel it, open this link and press the button. You need not sign in, and the link can do nothing else:")
		b.line(r.URL + "changes/" + w.ID + "/cancel?secret=" + r.Waiting.Secret(w.ID))
	}
}

const typeIt = "open the repository by typing the address that you know (never by a link in a mail), sign in, "

// advice is what to do when the reader knows nothing of it.
func advice(k event.Kind, a record.Audit, user string) string {
	own := a.Account == user && (k.Tell == event.Account || k.Tell == event.Both)
	switch {
	case k.Advice != "":
		return k.Advice
	case k.Tell == event.Operators && !strings.HasPrefix(k.ID, "glass."):
		return "The administrators of the repository are told of it, and nobody else. If it surprises you, look at the journal of the repository."
	case k.Tell == event.Operators:
		return "If the administrators did not agree on this, treat it as a break-in: ask the others by another way than mail, and look at the journal of the repository."
	case own && (a.Actor == "admin" || a.Actor == "bonded"):
		return "If you did not expect this, ask the administrators of the repository, by a way that you know and not by answering this mail."
	case own && a.Actor != user && a.Actor != "":
		return "If you do not know why, ask whoever did it, or the administrators of the repository, by a way that you know and not by answering this mail."
	case own:
		return "If this was you, or you know why, there is nothing to do. If not, somebody else may be using your account: " +
			typeIt + "and on the security page end all other sessions, remove what you do not know, and revoke your tokens."
	}
	return "If you know why, there is nothing to do. If not, ask the other owners, and " +
		typeIt + "and look at the journal of the package or organisation. A release that should not be there can be withdrawn at once, and an owner, token or publisher that you do not know can be removed."
}

func foot(host string) string {
	return "This mail comes from " + host + " because something changed that matters to your safety. It has no link to sign in with, and asks you to send nothing and to open no file. A mail that does is a forgery."
}

// body is a text of paragraphs, at most 78 columns wide but for links.
type body struct{ strings.Builder }

func (b *body) say(paragraph string) {
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	width := 0
	for _, w := range strings.Fields(paragraph) {
		n := utf8.RuneCountInString(w)
		switch {
		case width == 0:
		case width+1+n > columns:
			b.WriteString("\n")
			width = 0
		default:
			b.WriteString(" ")
			width++
		}
		b.WriteString(w)
		width += n
	}
	b.WriteString("\n")
}

// line is a paragraph that is not broken: a link.
func (b *body) line(s string) { b.WriteString("\n" + s + "\n") }

// indent of values: what is left of a line holds a SHA-256 in hex.
const indent = 14

// facts writes a table; a long value goes on below itself.
func (b *body) facts(list [][2]string) {
	b.WriteString("\n")
	for _, f := range list {
		for i, part := range cut(f[1], columns-indent) {
			name := f[0]
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(b, "  %-*s%s\n", indent-2, name, part)
		}
	}
}

// releases lists what was published, oldest first.
func (b *body) releases(lines []record.Delivery) {
	lines = slices.Clone(lines)
	slices.SortFunc(lines, func(x, y record.Delivery) int { return int(x.Line.ID - y.Line.ID) })
	b.WriteString("\n")
	for _, d := range lines[:min(len(lines), maxReleases)] {
		fmt.Fprintf(b, "  %s  %s\n", d.Line.At.UTC().Format("2006-01-02 15:04"), plain(d.Line.Subject, columns-20))
		if detail := plain(d.Line.Detail, maxDetail); detail != "" {
			b.WriteString(strings.Repeat(" ", indent) + strings.Join(cut(detail, columns-indent), "\n"+strings.Repeat(" ", indent)) + "\n")
		}
	}
	if more := len(lines) - maxReleases; more > 0 {
		fmt.Fprintf(b, "  and %d more; the journals of the packages list all\n", more)
	}
}

// cut breaks a text at blanks, and words that are too long where they must.
func cut(s string, width int) (parts []string) {
	part := []rune{}
	for _, w := range strings.Fields(s) {
		word := []rune(w)
		if len(part) > 0 && len(part)+1+len(word) > width {
			parts, part = append(parts, string(part)), nil
		}
		if len(part) > 0 {
			part = append(part, ' ')
		}
		part = append(part, word...)
		for len(part) > width {
			parts, part = append(parts, string(part[:width])), part[width:]
		}
	}
	return append(parts, string(part))
}

// plain makes of what others wrote one line without tricks: no control
// characters, no characters that hide or turn text, no link that a mail reader
// would make clickable, and a bounded length.
func plain(s string, most int) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case unicode.IsControl(c), unicode.Is(unicode.Cf, c), c == utf8.RuneError:
			return -1
		}
		return c
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	// A place where a token was found is told, but nobody is led there.
	for _, scheme := range []string{"https://", "http://"} {
		s = strings.ReplaceAll(s, scheme, "")
	}
	s = strings.ReplaceAll(s, "://", ": //")
	if r := []rune(s); len(r) > most {
		s = string(r[:most-3]) + "..."
	}
	return s
}
