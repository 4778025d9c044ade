package notice

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"bonded.dev"
)

// server is where mails are handed over.
type server struct {
	host, user, password string
	port                 int
	policy               gomail.TLSPolicy
	implicit             bool // TLS from the first byte
}

const serverExample = "want smtp://[USER@]HOST[:PORT], smtps://... or smtp+plain://..., for example smtp://bonded@mail.example.org:587"

// parseServer reads the setting of the mail server.
func parseServer(text, password string) (*server, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, bonded.Errorf(bonded.Invalid, "mail server %q: %s", redact(text), serverExample)
	}
	if _, secret := u.User.Password(); secret {
		return nil, bonded.Errorf(bonded.Invalid, "mail server: the password does not stand in the address, which others may read; set BONDED_MAIL_PASSWORD")
	}
	s := &server{host: u.Hostname(), user: u.User.Username(), password: password}
	switch u.Scheme {
	case "smtp":
		s.port, s.policy = 587, gomail.TLSMandatory // RFC 6409, RFC 3207
	case "smtps":
		s.port, s.implicit = 465, true // RFC 8314
	case "smtp+plain":
		s.port, s.policy = 25, gomail.NoTLS
		if s.user != "" && !loopback(s.host) {
			return nil, bonded.Errorf(bonded.Invalid, "mail server: a password would cross the network in clear with smtp+plain; use smtp:// or smtps://")
		}
	default:
		return nil, bonded.Errorf(bonded.Invalid, "mail server %q: %s", redact(text), serverExample)
	}
	if p := u.Port(); p != "" {
		if s.port, err = strconv.Atoi(p); err != nil || s.port < 1 || s.port > 65535 {
			return nil, bonded.Errorf(bonded.Invalid, "mail server: %q is no port", p)
		}
	}
	return s, nil
}

// redact keeps a password that somebody wrote into the address out of the error.
func redact(text string) string {
	scheme, rest, _ := strings.Cut(text, "://")
	if _, host, ok := strings.Cut(rest, "@"); ok {
		rest = "...@" + host
	}
	return scheme + "://" + rest
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// parseFrom reads the sender; one without a name gets the repository's.
func parseFrom(text, host string) (*mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil {
		return nil, &bonded.Error{Kind: bonded.Invalid, Err: err,
			Public: fmt.Sprintf("mail sender %q: write an address, for example notices@example.org", text)}
	}
	if a.Name == "" {
		a.Name = "bonded " + host
	}
	return a, nil
}

// sendTimeout bounds one mail, from the connection to the last answer.
const sendTimeout = 10 * time.Second

// text is one mail.
type text struct {
	Subject, Body string
	ID            string // left half of the Message-ID
}

// errRefused is a recipient that the server refuses for good.
var errRefused = errors.New("the mail server refuses this recipient")

// send hands one mail over.
func (r *Room) send(ctx context.Context, to string, t text) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	m, err := r.message(to, t)
	if err != nil {
		return err
	}
	c, err := r.client()
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	if err = c.DialAndSendWithContext(ctx, m); err == nil {
		return nil
	}
	var refused *gomail.SendError
	if errors.As(err, &refused) && refused.Reason == gomail.ErrSMTPRcptTo && !refused.IsTemp() {
		return fmt.Errorf("%w (SMTP %d)", errRefused, refused.ErrorCode())
	}
	// The library's text may hold addresses, and errors go to the log.
	return fmt.Errorf("mail: handing one over to %s: %s", r.server.host, strings.ReplaceAll(err.Error(), to, "its recipient"))
}

func (r *Room) message(to string, t text) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(r.from)
	rcpt, err := mail.ParseAddress(to)
	if err != nil {
		return nil, fmt.Errorf("%w: its address cannot be read", errRefused)
	}
	m.ToMailAddress(&mail.Address{Address: rcpt.Address})
	m.Subject(t.Subject)
	m.SetDateWithValue(r.Now())
	m.SetMessageIDWithValue(t.ID + "@" + strings.Trim(domainOf(r.from.Address), "[]"))
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: holiday notes stay away
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	m.SetBodyString(gomail.TypeTextPlain, t.Body)
	return m, nil
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

func (r *Room) client() (*gomail.Client, error) {
	s := r.server
	conf := &tls.Config{}
	if r.TLS != nil {
		conf = r.TLS.Clone()
	}
	conf.ServerName, conf.MinVersion = s.host, tls.VersionTLS12
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(sendTimeout), gomail.WithTLSConfig(conf),
		gomail.WithTLSPolicy(s.policy), gomail.WithoutNoop(),
	}
	if name := strings.Trim(domainOf(r.from.Address), "[]"); name != "" {
		options = append(options, gomail.WithHELO(name))
	}
	if s.implicit {
		options = append(options, gomail.WithSSL())
	}
	if s.user != "" {
		auth := gomail.SMTPAuthAutoDiscover
		if s.policy == gomail.NoTLS && !s.implicit {
			auth = gomail.SMTPAuthPlainNoEnc // loopback alone: parseServer holds it to that
		}
		options = append(options, gomail.WithSMTPAuth(auth), gomail.WithUsername(s.user), gomail.WithPassword(s.password))
	}
	return gomail.NewClient(s.host, options...)
}
