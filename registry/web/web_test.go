package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
	"bonded.dev/registry/web"
)

func TestEnrolmentLinkGivesOneToken(t *testing.T) {
	ctx := context.Background()
	book, err := record.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "bonded.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	keeper := identity.New(book)
	link, err := keeper.AddUser(ctx, "alice", "alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(web.New(keeper, []web.Setup{{Clients: "npm", Commands: []string{"npm config set registry X"}}}, slog.New(slog.DiscardHandler)))
	defer server.Close()
	visit := func(method, secret string) (int, string, http.Header) {
		t.Helper()
		req, _ := http.NewRequest(method, server.URL+web.Prefix+secret, nil)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b), res.Header
	}
	for range 2 { // opening the page spends nothing
		code, body, header := visit("GET", link.Reveal())
		if code != 200 || !strings.Contains(body, "<form") || header.Get("Cache-Control") != "no-store" || header.Get("Referrer-Policy") != "no-referrer" {
			t.Fatalf("GET: %d %v\n%s", code, header, body)
		}
	}
	code, body, _ := visit("POST", link.Reveal())
	token := regexp.MustCompile(`bnd_[0-9A-Za-z]+`).FindString(body)
	if code != 200 || token == "" {
		t.Fatalf("POST: %d\n%s", code, body)
	}
	caller, err := keeper.Authenticate(ctx, "Bearer "+token)
	if err != nil || caller.User() != "alice" {
		t.Fatalf("the token is not alice's: %v", err)
	}
	if err := caller.May(ctx, bonded.ActPublish, bonded.Name{Ecosystem: "npm", Key: "x"}); err != nil {
		t.Error(err)
	}
	for name, secret := range map[string]string{"spent": link.Reveal(), "invented": "bne_nothing", "empty": ""} {
		if code, body, _ := visit("POST", secret); code != 403 || strings.Contains(body, "bnd_") {
			t.Errorf("%s link: %d\n%s", name, code, body)
		}
	}
	if code, _, _ := visit("DELETE", link.Reveal()); code != 405 {
		t.Errorf("DELETE: %d", code)
	}
}
