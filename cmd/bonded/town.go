package main

import (
	"context"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"time"

	"bonded.dev/prove/drill"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/dns/dnsmessage"
)

// town is what stands around a victim: a post office, a build platform, and
// whoever registers domains. All of it answers on loopback and for real.
type town struct {
	post   *postOffice
	names  string // HOST:PORT of a resolver
	issuer *drill.Issuer
	close  []func()

	mu     sync.Mutex
	lapsed map[string]bool // domains
}

// openTown opens before the repository does, which is told where everything is.
func openTown(ctx context.Context, now func() time.Time) (*town, error) {
	t := &town{lapsed: map[string]bool{}}
	issuer, stop, err := drill.ListenIssuer(ctx, now)
	if err != nil {
		return nil, err
	}
	t.issuer, t.close = issuer, append(t.close, stop)
	t.post, stop, err = openPostOffice()
	if err != nil {
		t.end()
		return nil, err
	}
	t.close = append(t.close, stop)
	if stop, err = t.openResolver(ctx); err != nil {
		t.end()
		return nil, err
	}
	t.close = append(t.close, stop)
	return t, nil
}

// openResolver answers that every domain takes mail that has not lapsed.
func (t *town) openResolver(ctx context.Context) (stop func(), err error) {
	c, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening a resolver: %w", err)
	}
	t.names = c.LocalAddr().String()
	go func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(packet)
			if err != nil {
				return // it was stopped
			}
			if answer := t.resolve(packet[:n]); answer != nil {
				_, _ = c.WriteTo(answer, from) // whoever asked asks again
			}
		}
	}()
	return func() { c.Close() }, nil
}

func (t *town) resolve(packet []byte) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(packet)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	h.Response, h.RecursionAvailable = true, true
	m := dnsmessage.Message{Header: h, Questions: []dnsmessage.Question{q}}
	t.mu.Lock()
	gone := t.lapsed[strings.TrimSuffix(q.Name.String(), ".")]
	t.mu.Unlock()
	switch {
	case gone:
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeMX:
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 1},
			Body:   &dnsmessage.MXResource{Pref: 10, MX: q.Name},
		}}
	}
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}

// lapse lets a domain go.
func (t *town) lapse(domain string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lapsed[domain] = true
}

func (t *town) end() {
	for _, stop := range t.close {
		stop()
	}
}

// postOffice keeps every mail.
type postOffice struct {
	address string

	mu    sync.Mutex
	mails []drill.Mail
}

func openPostOffice() (p *postOffice, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("opening a post office: %w", err)
	}
	p = &postOffice{address: l.Addr().String()}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &counter{office: p}, nil }))
	s.Domain, s.MaxMessageBytes = "localhost", 1<<20
	go s.Serve(l) //nolint:errcheck // it ends with stop
	return p, func() { s.Close() }, nil
}

// inbox is what came for an address.
func (p *postOffice) inbox(address string) (list []drill.Mail) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.mails {
		if m.To == address {
			list = append(list, m)
		}
	}
	return list
}

// counter takes one mail after the other from a client.
type counter struct {
	office *postOffice
	to     []string
}

func (c *counter) Reset()                               { c.to = nil }
func (c *counter) Logout() error                        { return nil }
func (c *counter) Mail(string, *smtp.MailOptions) error { return nil }
func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = append(c.to, to)
	return nil
}

func (c *counter) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	body := m.Body
	if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(m.Body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	for _, to := range c.to {
		c.office.mails = append(c.office.mails, drill.Mail{To: to, Subject: m.Header.Get("Subject"), Text: string(text)})
	}
	return nil
}
