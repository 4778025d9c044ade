package webtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev/internal/testenv"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// Chromium is a real browser without a screen, with a passkey of its own that
// says yes at once. It presses buttons by keyboard.
type Chromium struct {
	t    testing.TB
	ctx  context.Context
	base string

	mu    sync.Mutex
	moans []string // what the browser refused: scripts, styles, addresses
}

// patience is for a machine that does much else at once.
const patience = 30 * time.Second

// NewChromium opens a browser on a site, whose address has no slash at its end.
func NewChromium(t testing.TB, base string) *Chromium {
	t.Helper()
	if testing.Short() {
		t.Skip("drives a browser: run without -short")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(testenv.Chromium(t)), chromedp.NoSandbox,
		chromedp.WSURLReadTimeout(patience))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx)
	t.Cleanup(end)
	c := &Chromium{t: t, ctx: ctx, base: base}
	// The first call starts the browser, which lives as long as its context.
	if err := errors.Join(chromedp.Do(ctx), chromedp.Listen(ctx, c.hears)); err != nil {
		t.Fatalf("open a browser: %v", err)
	}
	tell(c, log.Enable, cdp.Empty{})
	tell(c, network.Enable, network.EnableParams{})
	tell(c, webauthn.Enable, webauthn.EnableParams{})
	tell(c, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	return c
}

// tell sends the browser a command of its protocol.
func tell[P, R any](c *Chromium, command cdp.Command[P, R], params P) {
	c.t.Helper()
	c.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	}))
}

// hears collects what the browser complains about: a page that breaks its own
// policy, a script that fails, a file that is not there.
func (c *Chromium) hears(event any) {
	moan := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		// An answer of ours that is no success is logged too, and meant.
		if e.Entry.Source != log.EntrySourceNetwork {
			moan = e.Entry.Text
		}
	case *runtime.EventExceptionThrown:
		moan = fmt.Sprint(e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, c.base+"/") && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "about:") {
			moan = "asked elsewhere: " + u
		}
	}
	if moan != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.moans = append(c.moans, moan)
	}
}

// Content fails the test for everything that the browser complained about.
func (c *Chromium) Content() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.moans {
		c.t.Errorf("the browser says: %s", m)
	}
}

func (c *Chromium) do(steps ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		c.t.Fatalf("the browser: %v", err)
	}
}

func (c *Chromium) eval(script string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](script))
	if err != nil {
		c.t.Fatalf("the browser: %v", err)
	}
	return text
}

func (c *Chromium) Opens(path string) {
	c.t.Helper()
	c.do(chromedp.Navigate(c.base + path))
}

// press fills a form and puts the focus on its button.
const press = `(function (action, fields) {
	const form = [...document.forms].find((f) => f.getAttribute("action").endsWith(action));
	if (!form) return "there is no form " + action;
	for (const [name, values] of Object.entries(fields)) {
		for (const field of form.querySelectorAll("[name=" + name + "]")) {
			if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
			else field.value = values[0];
		}
	}
	if (!form.reportValidity()) return "the browser does not send what was filled in";
	window.pressed = true;
	form.querySelector("button").focus();
	return document.activeElement === form.querySelector("button") ? "" : "the button takes no focus";
})`

func (c *Chromium) Presses(action string, fields ...string) {
	c.t.Helper()
	values := map[string][]string{}
	for i := 0; i < len(fields); i += 2 {
		values[fields[i]] = append(values[fields[i]], fields[i+1])
	}
	filled, err := json.Marshal(values)
	if err != nil {
		c.t.Fatal(err)
	}
	if wrong := c.eval(fmt.Sprintf("%s(%q, %s)", press, action, filled)); wrong != "" {
		c.t.Fatalf("press %s: %s\n%s", action, wrong, c.Text())
	}
	c.do(chromedp.KeyEvent("\r"))
	c.settle(action)
}

// settle waits until another page is there, or the script has told what is wrong.
func (c *Chromium) settle(action string) {
	c.t.Helper()
	const state = `window.pressed
		? ([...document.querySelectorAll("[data-says]")].some((e) => e.textContent && !e.parentElement.querySelector("[aria-busy]")) ? "told" : "same")
		: document.readyState`
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	for ctx.Err() == nil {
		// A page that is going away answers with an error.
		if now, err := chromedp.Run(ctx, chromedp.Evaluate[string](state)); err == nil && (now == "complete" || now == "told") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.t.Fatalf("nothing came of pressing %s:\n%s", action, c.Text())
}

func (c *Chromium) At() string {
	u, err := url.Parse(c.eval(`location.href`))
	if err != nil {
		c.t.Fatal(err)
	}
	return u.Path
}

func (c *Chromium) HTML() string { return c.eval(`document.documentElement.outerHTML`) }

func (c *Chromium) Text() string {
	return strings.Join(strings.Fields(c.eval(`(document.querySelector("main") || document.body).textContent`)), " ")
}

// Forgets drops all cookies: the same passkeys in a browser that was never here.
func (c *Chromium) Forgets() { tell(c, network.ClearBrowserCookies, cdp.Empty{}) }

// Scripts switches scripts of pages on or off.
func (c *Chromium) Scripts(on bool) {
	tell(c, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}
