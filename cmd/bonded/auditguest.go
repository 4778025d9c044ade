package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"

	"bonded.dev/guide"
	"bonded.dev/prove/audit"
)

// guest reads what the operator gave for a stay; nil: nothing.
func (o *auditOptions) guest() (*audit.Guest, error) {
	links, err := secrets("--account", "tester=LINK", o.accounts)
	if err != nil || len(links) == 0 {
		return nil, err
	}
	g := &audit.Guest{}
	for who, link := range links {
		at := map[string]*string{"tester": &g.Link, "member": &g.Member, "lapsed": &g.Lapsed}[who]
		if at == nil {
			return nil, usagef("--account %s=...: the accounts are tester, member and lapsed", who)
		}
		*at = string(link)
		if !strings.HasPrefix(*at, o.target.String()) {
			return nil, usagef("--account %s: want the enrolment link of an account of %s", who, o.target)
		}
	}
	if g.Link == "" {
		return nil, usagef("a stay takes --account tester=LINK")
	}
	if o.inbox != "" {
		g.Inbox = func() ([]string, error) { return mailsIn(o.inbox) }
	}
	return g, nil
}

// largestMail is as much of a mail as is read, bytes.
const largestMail = 1 << 20

// mailsIn reads the mails of a directory, decoded as far as links in them can be
// read. What is no mail, or not one yet, is passed over.
func mailsIn(dir string) (list []string, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the inbox: %w", err)
	}
	for _, f := range files {
		if !f.Type().IsRegular() {
			continue
		}
		if text, err := mailIn(filepath.Join(dir, f.Name())); err == nil {
			list = append(list, text)
		}
	}
	return list, nil
}

func mailIn(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, largestMail))
	if err != nil {
		return "", err
	}
	return textOfMail(b)
}

// textOfMail is the body of a mail without its transfer encoding. Of a mail in
// several parts it is all of them, as they are.
func textOfMail(b []byte) (string, error) {
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		return "", err
	}
	body := m.Body
	switch strings.ToLower(m.Header.Get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, err := io.ReadAll(body)
	return string(text), err
}

// answers are the items of the Principles, by the controls that answer them.
func answers(b *guide.Book) map[string][]string {
	all := map[string][]string{}
	t := b.Taxonomy("principles")
	if t == nil {
		return all
	}
	for _, item := range t.Items {
		for _, id := range item.Controls {
			all[id] = append(all[id], item.ID)
		}
	}
	return all
}
