// Package upstreamtagrewrite changes a version at its origin after a repository
// has fetched it from there.
package upstreamtagrewrite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. They are for a repository that pulls through.
var Attacks = []drill.Attack{
	{Name: "a tag is moved after its version was fetched", Kinds: []string{"go"}, Play: moved},
}

const version = "v1.0.0"

func moved(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	origin, err := s.Origin(ctx)
	if err != nil {
		return drill.Result{}, err
	}
	module := "drill.example/" + s.Name("moved")
	if err := tag(origin, module, "genuine"); err != nil {
		return drill.Result{}, err
	}
	first, err := fetched(ctx, s, module)
	if err != nil {
		return drill.Result{}, err
	}
	if err := settle(ctx, s, origin, module); err != nil {
		return drill.Result{}, err
	}
	if err := tag(origin, module, "moved"); err != nil {
		return drill.Result{}, err
	}
	again, err := fetched(ctx, s, module)
	if errors.Is(err, drill.ErrDigest) {
		return drill.Stopped("an ordinary client refuses: %v", err)
	}
	if err != nil {
		return drill.Result{}, err
	}
	if !bytes.Equal(first, again) {
		return drill.Harmed("%s %s was fetched and is other code now", module, version)
	}
	return drill.Stopped("the first bytes stand")
}

// settle asks until the repository answers without its origin, or long enough:
// some store what they fetched only after they have passed it on.
func settle(ctx context.Context, s *drill.Scene, origin *drill.Origin, module string) error {
	for range 20 {
		before := zips(origin)
		if _, err := fetched(ctx, s, module); err != nil {
			return err
		}
		if zips(origin) == before {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// zips is how often the origin was asked for the file of a version.
func zips(origin *drill.Origin) (n int) {
	for _, path := range origin.Asked() {
		if strings.HasSuffix(path, ".zip") {
			n++
		}
	}
	return n
}

func fetched(ctx context.Context, s *drill.Scene, module string) ([]byte, error) {
	got, err := s.Install(ctx, module, version)
	if err != nil {
		return nil, err
	}
	if len(got) == 0 {
		return nil, errors.New("the repository does not pass on what its upstream has")
	}
	return got[0].Body, nil
}

// tag makes the origin serve a module as a version, by the GOPROXY protocol.
func tag(origin *drill.Origin, module, content string) error {
	mod := "module " + module + "\n"
	at := module + "@" + version + "/"
	zip, err := visit.Zip(
		visit.Member{Name: at + "go.mod", Body: []byte(mod)},
		visit.Member{Name: at + "drill.go", Body: []byte("package drill // " + content + "\n")})
	if err != nil {
		return err
	}
	info := fmt.Sprintf(`{"Version":%q,"Time":"2026-01-02T03:04:05Z"}`, version)
	for path, body := range map[string]string{
		"list": version + "\n", version + ".info": info, version + ".mod": mod, version + ".zip": string(zip),
	} {
		origin.Put(module+"/@v/"+path, []byte(body))
	}
	origin.Put(module+"/@latest", []byte(info))
	return nil
}
