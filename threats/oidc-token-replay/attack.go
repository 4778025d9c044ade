// Package oidctokenreplay shows identity tokens of build jobs that should open
// nothing.
package oidctokenreplay

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. In each a job releases 1.0.0 first, so that what is
// refused later is refused for what it is.
var Attacks = []drill.Attack{
	play("a genuine identity token a second time", again),
	play("... twenty times at once", race),
	play("... made for another service", claims("made for another service", map[string]any{"aud": "warehouse.example"})),
	play("... made for us and for another service", both),
	play("... that expired", expired),
	play("... a second time, within the clocks' tolerance", tolerated),
	play("... without a signature", unsigned),
	play("... signed with the public key as a secret", confused),
	play("... of a platform that the thief runs", selfmade),
	play("... of a platform that the thief runs, in the name of the other", pretending),
	play("... signed with a key that the platform took back", rotated),
	play("... self-made, while the platform is out of order", down),
}

// thief is what a job's package suffers.
type thief func(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error)

func play(name string, do thief) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		j, err := s.Job(ctx, false)
		if err != nil {
			return drill.Result{}, err
		}
		if err := j.Released(ctx, "1.0.0"); err != nil {
			return drill.Result{}, err
		}
		return do(ctx, s, j)
	}}
}

// spent is an identity token that its job has used.
func spent(ctx context.Context, j *drill.Job) (string, error) {
	identity, err := j.Identity(nil)
	if err != nil {
		return "", err
	}
	as, a, err := j.Exchange(ctx, identity)
	if err == nil && as == "" {
		err = errors.New("exchanging an identity token, which is honest: " + a.String())
	}
	return identity, err
}

func again(ctx context.Context, _ *drill.Scene, j *drill.Job) (drill.Result, error) {
	identity, err := spent(ctx, j)
	if err != nil {
		return drill.Result{}, err
	}
	return j.Thief(ctx, identity, "1.1.0", "an identity token that was used before")
}

// race shows one token in one moment; one of the questions is the job's own.
func race(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error) {
	identity, err := j.Identity(nil)
	if err != nil {
		return drill.Result{}, err
	}
	const times = 20
	var got [times]visit.Credential
	var said [times]visit.Answer
	var wrong [times]error
	var wait sync.WaitGroup
	for i := range times {
		wait.Go(func() { got[i], said[i], wrong[i] = j.Exchange(ctx, identity) })
	}
	wait.Wait()
	if err := errors.Join(wrong[:]...); err != nil {
		return drill.Result{}, err
	}
	var good []visit.Credential
	var refused visit.Answer
	for i, as := range got {
		if as != "" {
			good = append(good, as)
		} else {
			refused = said[i]
		}
	}
	switch len(good) {
	case 0:
		return drill.Result{}, errors.New("nobody got an upload token, not even the job: " + refused.String())
	case 1:
		return drill.Stopped("one of %d got an upload token, the others: %s", times, refused)
	}
	return s.Reach(ctx, good[1], visit.Upload{Name: j.Name, Version: "1.1.0", Canary: "thief"}, "an identity token that was shown many times at once")
}

func claims(with string, other map[string]any) thief {
	return func(ctx context.Context, _ *drill.Scene, j *drill.Job) (drill.Result, error) {
		identity, err := j.Identity(other)
		if err != nil {
			return drill.Result{}, err
		}
		return j.Thief(ctx, identity, "1.1.0", "an identity token that was "+with)
	}
}

func both(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error) {
	return claims("made for two services", map[string]any{"aud": []string{j.Audience(), "warehouse.example"}})(ctx, s, j)
}

func expired(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error) {
	then := j.Issuer.Now().Add(-time.Hour)
	return claims("made an hour ago", map[string]any{"iat": then.Unix(), "nbf": then.Unix(), "exp": then.Add(5 * time.Minute).Unix()})(ctx, s, j)
}

// tolerated comes after the end of the token, at a moment at which clocks that
// differ a little would still take it, and whoever forgets its id with its end
// takes it again.
func tolerated(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error) {
	now := j.Issuer.Now()
	identity, err := j.Identity(map[string]any{"exp": now.Add(time.Minute).Unix()})
	if err != nil {
		return drill.Result{}, err
	}
	as, a, err := j.Exchange(ctx, identity)
	if err != nil || as == "" {
		return drill.Result{}, errors.Join(err, errors.New("exchanging an identity token, which is honest: "+a.String()))
	}
	if err := s.Later(ctx, 70*time.Second); err != nil {
		return drill.Result{}, err
	}
	return j.Thief(ctx, identity, "1.1.0", "an identity token that was used before it expired")
}

// part reads or writes a part of a token.
var part = base64.RawURLEncoding

// forge takes a genuine token's claims and puts another header and signature
// around them.
func forge(j *drill.Job, header string, sign func(head string) []byte) (string, error) {
	identity, err := j.Identity(nil)
	if err != nil {
		return "", err
	}
	parts := strings.Split(identity, ".")
	head := part.EncodeToString([]byte(header)) + "." + parts[1]
	return head + "." + part.EncodeToString(sign(head)), nil
}

func unsigned(ctx context.Context, _ *drill.Scene, j *drill.Job) (drill.Result, error) {
	identity, err := forge(j, `{"alg":"none"}`, func(string) []byte { return nil })
	if err != nil {
		return drill.Result{}, err
	}
	return j.Thief(ctx, identity, "1.1.0", "an identity token that nobody signed")
}

// confused makes a signature that everybody can make who has the public key, for
// checkers that believe the header.
func confused(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error) {
	res, err := s.Site.Web.Get(ctx, j.Issuer.URL+"/keys", "application/json")
	if err != nil {
		return drill.Result{}, err
	}
	var set struct {
		Keys []struct {
			ID string `json:"kid"`
			X  string `json:"x"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(res.Body, &set); err != nil || len(set.Keys) == 0 {
		return drill.Result{}, errors.Join(err, errors.New("the platform shows no key"))
	}
	secret, err := part.DecodeString(set.Keys[0].X)
	if err != nil {
		return drill.Result{}, err
	}
	identity, err := forge(j, `{"alg":"HS256","kid":"`+set.Keys[0].ID+`"}`, func(head string) []byte {
		m := hmac.New(sha256.New, secret)
		m.Write([]byte(head)) //nolint:errcheck // a hash takes everything
		return m.Sum(nil)
	})
	if err != nil {
		return drill.Result{}, err
	}
	return j.Thief(ctx, identity, "1.1.0", "a signature that anybody can make")
}

// another is a platform that the thief runs, with the same job in it.
func another(ctx context.Context, j *drill.Job, name string) (identity string, stop func(), err error) {
	i, stop, err := drill.ListenIssuer(ctx, j.Issuer.Now)
	if err != nil {
		return "", nil, err
	}
	other := *j
	other.Issuer = i
	said := map[string]any{}
	if name != "" {
		said["iss"] = name
	}
	if identity, err = other.Identity(said); err != nil {
		stop()
	}
	return identity, stop, err
}

func selfmade(ctx context.Context, _ *drill.Scene, j *drill.Job) (drill.Result, error) {
	identity, stop, err := another(ctx, j, "")
	if err != nil {
		return drill.Result{}, err
	}
	defer stop()
	return j.Thief(ctx, identity, "1.1.0", "an identity token of a platform of their own")
}

func pretending(ctx context.Context, _ *drill.Scene, j *drill.Job) (drill.Result, error) {
	identity, stop, err := another(ctx, j, j.Issuer.URL)
	if err != nil {
		return drill.Result{}, err
	}
	defer stop()
	return j.Thief(ctx, identity, "1.1.0", "an identity token that the platform did not sign")
}

// rotated: somebody got a key of the platform, which noticed and took it back.
func rotated(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error) {
	now := j.Issuer.Now().Add(time.Minute)
	stolen, err := j.Identity(map[string]any{"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()})
	if err != nil {
		return drill.Result{}, err
	}
	if err := j.Issuer.Rotate(); err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, time.Minute); err != nil {
		return drill.Result{}, err
	}
	if err := j.Released(ctx, "1.0.1"); err != nil {
		return drill.Result{}, err
	}
	return j.Thief(ctx, stolen, "1.1.0", "a key of the platform that it had taken back")
}

// down: a platform that does not answer for so long that its keys are forgotten
// must not make its tokens be taken unseen.
func down(ctx context.Context, s *drill.Scene, j *drill.Job) (r drill.Result, err error) {
	j.Issuer.Down(true)
	defer func() {
		j.Issuer.Down(false)
		// Who was not there is asked again after a while.
		err = errors.Join(err, s.Later(ctx, time.Minute))
	}()
	if err := s.Later(ctx, 25*time.Hour); err != nil {
		return drill.Result{}, err
	}
	identity, stop, err := another(ctx, j, j.Issuer.URL)
	if err != nil {
		return drill.Result{}, err
	}
	defer stop()
	return j.Thief(ctx, identity, "1.1.0", "an identity token that nobody could check")
}
