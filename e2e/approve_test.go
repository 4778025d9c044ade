package e2e

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	controls "bonded.dev/controls/all"
	ecosystems "bonded.dev/ecosystem/all"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/project"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/sign"
)

// cmdApprove does, between two runs of the server, what a person with a passkey
// does on the page of each release that waits.
func cmdApprove(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	if len(args) != 1 || s.node != nil {
		ts.Fatalf("usage: approve NAME, after stop")
	}
	verdict(ts, neg, approveAll(s.data, s.storage, args[0]))
}

// approveAll approves what waits for a user in a repository that is not running.
func approveAll(data string, storage []string, user string) (err error) {
	ctx, end := context.WithCancel(context.Background())
	defer end()
	env := map[string]string{}
	for _, v := range storage {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	dsn := env["BONDED_DATABASE"]
	if dsn == "" {
		dsn = "sqlite:" + filepath.Join(data, "bonded.db")
	}
	book, err := record.Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	store, err := storeOf(ctx, data, env)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	keys, err := keysIn(filepath.Join(data, "keys"))
	if err != nil {
		return err
	}
	desk := publish.New(publish.Config{
		Ecosystems: ecosystems.Ecosystems(), Checks: controls.Checks(), Book: book, Blobs: store, Keys: keys,
		Shelf: &project.Shelf{Store: store}, Origin: keys.Origin(), TwoPerson: publish.TwoPersonAll, Now: time.Now, Log: discard(),
	})
	if err := desk.Open(ctx); err != nil {
		return err
	}
	var running sync.WaitGroup
	running.Go(func() { err = errors.Join(err, desk.Run(ctx)) })
	approved := approveWaiting(ctx, desk, identity.New(book).Person(user, true))
	end()
	running.Wait()
	return errors.Join(err, approved)
}

func approveWaiting(ctx context.Context, desk *publish.Desk, who publish.Actor) error {
	list, err := desk.WaitingFor(ctx, who)
	if err == nil && len(list) == 0 {
		err = errors.New("nothing waits")
	}
	for _, s := range list {
		_, failed := desk.Approve(ctx, s.ID, who)
		err = errors.Join(err, failed)
	}
	return err
}

func keysIn(dir string) (*sign.Keys, error) {
	origin, err := sign.ReadOrigin(dir)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range ecosystems.Ecosystems() {
		ids = append(ids, e.Info().ID)
	}
	return sign.Open(dir, origin, ids)
}

func storeOf(ctx context.Context, data string, env map[string]string) (blob.Store, error) {
	if env["BONDED_BLOBS"] == "" {
		return blob.Dir(filepath.Join(data, "blobs"))
	}
	u, err := url.Parse(env["BONDED_BLOBS"])
	if err != nil {
		return nil, err
	}
	return blob.S3(ctx, blob.S3Config{
		Endpoint: u.Host, Plain: u.Scheme == "s3+http", Bucket: strings.Trim(u.Path, "/"), Region: env["BONDED_S3_REGION"],
		AccessKey: env["BONDED_S3_ACCESS_KEY"], SecretKey: env["BONDED_S3_SECRET_KEY"],
	})
}
