package lapse

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/net/publicsuffix"

	"bonded.dev"
)

const (
	rdapTimeout = 10 * time.Second
	maxAnswer   = 1 << 20 // bytes
)

// rdap asks a registration data service (RFC 9082, RFC 9083).
type rdap struct {
	base   string // with trailing slash
	client *http.Client
}

func newRDAP(base string, client *http.Client) (*rdap, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.RawQuery != "" || !secure(u) {
		return nil, bonded.Errorf(bonded.Invalid, "RDAP service %q: want an https:// address", base)
	}
	if client == nil {
		client = &http.Client{Timeout: rdapTimeout}
	}
	own := *client
	own.CheckRedirect = func(q *http.Request, via []*http.Request) error {
		// Bootstrap services send on to the registry of the domain.
		if len(via) > 5 || !secure(q.URL) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &rdap{base: strings.TrimSuffix(base, "/") + "/", client: &own}, nil
}

// secure lets plain HTTP through to this machine alone.
func secure(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// answer is what is read of an RDAP domain object.
type answer struct {
	Status []string `json:"status"` // RFC 8056 section 2
	Events []struct {
		Action string `json:"eventAction"` // RFC 9083 section 10.2.3
		Date   string `json:"eventDate"`   // RFC 3339
	} `json:"events"`
}

// see asks about the part of a name that is registered. Unknown is whatever is
// no clear answer, also "not found": a service says that of registries that it
// does not know, too.
func (r *rdap) see(ctx context.Context, name string) sight {
	registered, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return sight{state: Unknown, why: "RDAP was not asked: nobody registers a name like this"}
	}
	ctx, cancel := context.WithTimeout(ctx, rdapTimeout)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"domain/"+url.PathEscape(registered), nil)
	if err != nil {
		return sight{state: Unknown, why: "RDAP was not asked"}
	}
	q.Header.Set("Accept", "application/rdap+json")
	resp, err := r.client.Do(q)
	if err != nil {
		return sight{state: Unknown, why: "RDAP gave no answer"}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return sight{state: Unknown, why: "RDAP answered " + strconv.Itoa(resp.StatusCode)}
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	var a answer
	if err != nil || len(b) > maxAnswer || json.Unmarshal(b, &a) != nil {
		return sight{state: Unknown, why: "RDAP answered with something that is no domain"}
	}
	return a.sight()
}

func (a answer) sight() sight {
	s := sight{state: Well}
	for _, e := range a.Events {
		if action := strings.ToLower(e.Action); action != "registration" && action != "reregistration" {
			continue
		}
		if t, err := time.Parse(time.RFC3339, e.Date); err == nil && t.After(s.registered) {
			s.registered = t
		}
	}
	for _, status := range a.Status {
		// Some services write the EPP words instead of those of RFC 8056.
		switch word := strings.ReplaceAll(strings.ToLower(status), " ", ""); word {
		case "redemptionperiod", "pendingdelete":
			s.state, s.why = Lapsed, "its registry says "+strings.ToLower(status)
		}
	}
	return s
}
