// Package domainhardening looks whether the way to the repository is protected.
package domainhardening

import (
	"context"
	"net/netip"
	"net/url"
	"strings"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe looks at the address and at one header. The rest of the control stands
// in the name service and at the registrar, where it does not look, so that it
// is never seen to be held.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	r, err := v.Get(ctx, v.Site.Base, "text/html")
	if err != nil {
		return audit.Finding{}, err
	}
	return judge(v.Site.Base, r)
}

func judge(base string, r visit.Response) (audit.Finding, error) {
	u, err := url.Parse(base)
	if err != nil {
		return audit.Finding{}, err
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil || u.Hostname() == "localhost" {
		if u.Hostname() == "localhost" || ip.IsLoopback() {
			return audit.Say(audit.Unknown, "an address of the same machine has no domain; audit the public one")
		}
		return audit.Say(audit.NotHeld, "the repository is reached by a bare address, which has no domain to protect", audit.Evidence{URL: base, Saw: "an IP address"})
	}
	if u.Scheme != "https" {
		return audit.Say(audit.NotHeld, "the repository is reached without TLS, so anybody on the way can answer in its name", audit.Evidence{URL: base, Saw: "http"})
	}
	hsts := r.Header.Get("Strict-Transport-Security")
	saw := audit.Evidence{URL: base, Saw: "Strict-Transport-Security: " + hsts}
	if hsts == "" || strings.Contains(strings.ReplaceAll(hsts, " ", ""), "max-age=0") {
		return audit.Say(audit.NotHeld, "nothing tells a browser never to come without TLS", audit.Evidence{URL: base, Saw: "no Strict-Transport-Security"})
	}
	return audit.Say(audit.Unknown, "browsers are told never to come without TLS; what the name service and the registrar hold was not looked at", saw)
}
