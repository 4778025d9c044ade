// Package disclosurepolicy looks for a way to report a hole in the repository.
package disclosurepolicy

import (
	"context"
	"fmt"
	"mime"
	"strings"
	"time"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe reads security.txt (RFC 9116) and the policy that it names.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	at := visit.Resolve(v.Site.Base, "/.well-known/security.txt")
	r, err := v.Get(ctx, at, "text/plain")
	if err != nil {
		return audit.Finding{}, err
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if !r.OK() || kind != "text/plain" {
		return audit.Say(audit.NotHeld, "no security.txt says where a hole can be reported", audit.Evidence{URL: at, Saw: fmt.Sprintf("%d, %s", r.Status, kind)})
	}
	fields := read(string(r.Body))
	if why := wrong(fields, v.Now); why != "" {
		return audit.Say(audit.NotHeld, "there is a security.txt, and "+why, audit.Evidence{URL: at, Saw: "contact " + strings.Join(fields["contact"], ", ")})
	}
	seen := audit.Evidence{URL: at, Saw: "contact " + strings.Join(fields["contact"], ", ") + ", not expired"}
	if len(fields["policy"]) == 0 {
		return audit.Say(audit.Unknown, "security.txt names a contact and no policy; whether finders are promised safe harbour cannot be seen", seen)
	}
	return policy(ctx, v, fields["policy"][0], seen)
}

// read takes the fields apart; a signature around them is passed over.
func read(text string) map[string][]string {
	out := map[string][]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && !strings.HasPrefix(name, "#") && !strings.HasPrefix(name, "-") {
			name = strings.ToLower(strings.TrimSpace(name))
			out[name] = append(out[name], strings.TrimSpace(value))
		}
	}
	return out
}

// wrong says what RFC 9116 section 2.5 objects to; "" when nothing.
func wrong(fields map[string][]string, now time.Time) string {
	if len(fields["contact"]) == 0 {
		return "it names no contact"
	}
	for _, c := range fields["contact"] {
		if !strings.HasPrefix(c, "mailto:") && !strings.HasPrefix(c, "https://") && !strings.HasPrefix(c, "tel:") {
			return "its contact is no address that a program could follow"
		}
	}
	if len(fields["expires"]) != 1 {
		return "it does not say until when it is good"
	}
	until, err := time.Parse(time.RFC3339, fields["expires"][0])
	if err != nil {
		return "what it says about its end is no time"
	}
	if !until.After(now) {
		return "it has expired"
	}
	return ""
}

// policy looks for the words of a safe harbour.
func policy(ctx context.Context, v *audit.Visit, at string, seen audit.Evidence) (audit.Finding, error) {
	r, err := v.Get(ctx, at, "text/html, text/plain")
	if err != nil {
		return audit.Finding{}, err
	}
	if !r.OK() {
		return audit.Say(audit.NotHeld, "security.txt names a policy that is not there", seen, audit.Evidence{URL: at, Saw: fmt.Sprint(r.Status)})
	}
	text := strings.ToLower(string(r.Body))
	for _, words := range []string{"safe harbor", "safe harbour", "legal action", "good faith", "good-faith", "no legal steps", "not pursue"} {
		if strings.Contains(text, words) {
			return audit.Say(audit.Held, "security.txt is good and leads to a policy that speaks of safe harbour; whether somebody answers shows only a report",
				seen, audit.Evidence{URL: at, Saw: `a page with the words "` + words + `"`})
		}
	}
	return audit.Say(audit.Unknown, "security.txt leads to a policy; whether it promises safe harbour has to be read by a person", seen, audit.Evidence{URL: at, Saw: "a page"})
}
