package notice

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"bonded.dev"
	"bonded.dev/registry/record"
	"bonded.dev/registry/signin"
)

// asked is what a letter says: it carries a link that somebody asked for a
// moment ago. Opening a link changes nothing, since scanners of mail open
// links by themselves; the page behind it has a button.
type asked struct{ title, first, last string }

// letters are the kinds of signin.Letter.
var letters = map[string]asked{
	"verify": {
		"Prove your e-mail address",
		"Somebody entered this address for the account %s. If it was you, open this link and press the button; that proves that mail reaches you here.",
		"If it was not you, do nothing. Without the link the address counts as unproven and is not used.",
	},
	"device": {
		"A sign-in waits for you",
		"Somebody gave the right password and code for the account %s, from a device that was not used before. If it was you, open this link, press the button, and go on in the browser where you began.",
		"If it was not you, do not open the link: somebody knows your password and just read a code from you. Sign in from a device that you know, change the password, and add a passkey, which cannot be read off you.",
	},
	"recover": {
		"The recovery of your account",
		"Somebody asked for a way back into the account %s. If it was you, open this link. You will need a recovery code or two owners of an organisation that you belong to, and three days of patience.",
		"If it was not you, do nothing; the link alone opens nothing. If it happens again, somebody is after your account: see that it has a passkey.",
	},
	"enrol": {
		"Take your account into use",
		"The account %s is ready for you. Open this link and add a passkey; you then need no password.",
		"If you expect no account here, do nothing. The link dies by itself.",
	},
}

// Letter sends a mail with a secret link at once, within ten seconds. That there
// is no mail server is an error of kind Unsupported; that it could not be
// reached, or refused the address, one of kind Unavailable.
func (r *Room) Letter(ctx context.Context, l signin.Letter) error {
	if r.server == nil {
		return bonded.Errorf(bonded.Unsupported, "this repository sends no mail; ask its administrators")
	}
	t, err := r.letter(l)
	if err != nil {
		return err
	}
	if err := r.send(ctx, l.To, t); err != nil {
		r.Log.Error("a letter was not sent", "kind", l.Kind, "user", l.User, "err", err)
		return &bonded.Error{Kind: bonded.Unavailable, Err: err, Public: "the mail could not be sent just now; try again in a few minutes"}
	}
	return nil
}

func (r *Room) letter(l signin.Letter) (text, error) {
	says, ok := letters[l.Kind]
	if !ok {
		return text{}, fmt.Errorf("notice: there is no letter of kind %q", l.Kind)
	}
	id := make([]byte, 12)
	rand.Read(id) //nolint:errcheck // crypto/rand.Read never fails
	var b body
	b.say("Hello " + plain(l.User, 40) + ",")
	b.say(fmt.Sprintf(says.first, plain(l.User, 40)))
	b.line(r.URL + l.Path)
	table := [][2]string{{"When", moment(r.Now())}}
	if where := plain(l.Where, maxDetail); where != "" {
		table = append(table, [2]string{"Asked from", where})
	}
	b.facts(table)
	b.say("The link works once and not for long. " + says.last)
	b.say("This mail comes from " + r.host + " because the link in it was asked for. Its link begins with " + r.URL + " and with nothing else. A mail that asks you for a password or a code is a forgery.")
	return text{Subject: r.subject(says.title, record.Audit{}), Body: b.String(), ID: "letter-" + hex.EncodeToString(id)}, nil
}

// Test sends a mail that tells an administrator that mails arrive.
func (r *Room) Test(ctx context.Context, to string) error {
	if r.server == nil {
		return bonded.Errorf(bonded.Invalid, "there is no mail server; set --mail-server and --mail-from")
	}
	var b body
	b.say("Mails of " + r.host + " arrive here.")
	b.say("An administrator asked for this mail with: bonded admin mail test")
	err := r.send(ctx, to, text{Subject: r.subject("A test", record.Audit{}), Body: b.String(), ID: "test-" + r.holder})
	if err != nil {
		return bonded.Errorf(bonded.Unavailable, "%s", err)
	}
	return nil
}
