package web

import (
	"net"
	"net/http"
	"net/url"
)

// named leads who opened a page at a loopback address such as 127.0.0.1 to the
// same page at the host name, localhost, where browsers keep passkeys. It does
// nothing for a repository with a name of its own: a proxy in front of it that
// hands on another Host would be led in circles.
func (p *Pages) named(w http.ResponseWriter, r *http.Request) bool {
	if p.SignIn == nil || r.Method != http.MethodGet {
		return false
	}
	to, err := url.Parse(p.SignIn.Origin())
	if err != nil || to.Hostname() != "localhost" {
		return false
	}
	host, port, err := net.SplitHostPort(r.Host)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() || port != to.Port() {
		return false
	}
	http.Redirect(w, r, p.SignIn.Origin()+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	return true
}
