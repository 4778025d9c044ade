package testenv

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/mail"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// PostOffice is a mail server on loopback that keeps what it is given. It
// speaks SMTP with STARTTLS, with a certificate that Trust holds.
type PostOffice struct {
	Addr string // host:port
	// Trust makes a client trust the certificate of this server alone.
	Trust *tls.Config
	// Refuse says what a recipient is refused with; nil: it is not. Set before
	// the first mail.
	Refuse func(to string) error
	// User and Password are asked for when they are set.
	User, Password string

	mu    sync.Mutex
	mails []Mail
	down  bool
}

// Mail is one that arrived.
type Mail struct {
	From, To  string // of the envelope
	Encrypted bool
	LoggedIn  string
	Header    mail.Header
	Body      []byte // as it was sent, encoded
}

// OpenPostOffice starts a mail server that ends with the test. Without TLS it
// offers no STARTTLS.
func OpenPostOffice(t testing.TB, withTLS bool) *PostOffice {
	t.Helper()
	p := &PostOffice{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Addr = l.Addr().String()
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		if p.isDown() {
			return nil, &smtp.SMTPError{Code: 421, Message: "closed for the day"}
		}
		return &counter{office: p, conn: c}, nil
	}))
	s.Domain, s.AllowInsecureAuth = "127.0.0.1", true
	s.ReadTimeout, s.WriteTimeout = 10*time.Second, 10*time.Second
	if withTLS {
		s.TLSConfig, p.Trust = loopbackCertificate(t)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close() //nolint:errcheck // the test is over
		<-done
	})
	return p
}

// Down makes the server greet everybody with "closed", or open again.
func (p *PostOffice) Down(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

func (p *PostOffice) isDown() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.down
}

// Mails are all that arrived so far, and forgets them.
func (p *PostOffice) Mails() []Mail {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.mails
	p.mails = nil
	return m
}

// counter takes the mails of one connection.
type counter struct {
	office *PostOffice
	conn   *smtp.Conn
	now    Mail
}

func (c *counter) AuthMechanisms() []string {
	if c.office.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (c *counter) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != c.office.User || password != c.office.Password {
			return smtp.ErrAuthFailed
		}
		c.now.LoggedIn = user
		return nil
	}), nil
}

func (c *counter) Mail(from string, _ *smtp.MailOptions) error {
	if c.office.User != "" && c.now.LoggedIn == "" {
		return smtp.ErrAuthRequired
	}
	c.now.From = from
	return nil
}

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	if c.office.Refuse != nil {
		if err := c.office.Refuse(to); err != nil {
			return err
		}
	}
	c.now.To = to
	return nil
}

func (c *counter) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		return err
	}
	c.now.Header = m.Header
	if c.now.Body, err = io.ReadAll(m.Body); err != nil {
		return err
	}
	_, c.now.Encrypted = c.conn.TLSConnectionState()
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	c.office.mails = append(c.office.mails, c.now)
	return nil
}

func (c *counter) Reset()        { c.now = Mail{LoggedIn: c.now.LoggedIn} }
func (c *counter) Logout() error { return nil }

// loopbackCertificate makes a certificate for 127.0.0.1 and a client that trusts it.
func loopbackCertificate(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}
