package lapse

import (
	"context"
	"errors"
	"net"
	"time"

	"bonded.dev"
)

const dnsTimeout = 15 * time.Second // of all questions about one domain

// names asks DNS.
type names struct {
	*net.Resolver
	patience time.Duration
}

// newNames asks a resolver, or the system's when none is named.
func newNames(resolver string) (*names, error) {
	if resolver == "" {
		return &names{&net.Resolver{PreferGo: true}, dnsTimeout}, nil
	}
	host, port, err := net.SplitHostPort(resolver)
	if err != nil || net.ParseIP(host) == nil || port == "" {
		return nil, bonded.Errorf(bonded.Invalid, "resolver %q: want an IP address and a port, for example 192.0.2.53:53", resolver)
	}
	return &names{&net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, resolver)
	}}, dnsTimeout}, nil
}

// see says if a domain takes mail. That it says nothing is no sign.
func (n *names) see(ctx context.Context, name string) sight {
	ctx, cancel := context.WithTimeout(ctx, n.patience)
	defer cancel()
	// The dot at the end keeps search lists of this machine out of it.
	mx, err := n.LookupMX(ctx, name+".")
	if len(mx) > 0 {
		return sight{state: Well}
	}
	if err != nil && !absent(err) {
		return unclear(err)
	}
	hosts, err := n.LookupHost(ctx, name+".")
	if len(hosts) > 0 {
		return sight{state: Well}
	}
	if err != nil && !absent(err) {
		return unclear(err)
	}
	return sight{state: Doubtful, why: "DNS knows no such domain, or it takes no mail"}
}

// absent says that DNS answered, and that there is nothing.
func absent(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}

func unclear(err error) sight {
	var e *net.DNSError
	if errors.As(err, &e) {
		return sight{state: Unknown, why: "DNS gave no answer: " + e.Err}
	}
	return sight{state: Unknown, why: "DNS gave no answer"}
}
