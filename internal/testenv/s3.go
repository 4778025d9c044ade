package testenv

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3Config says how to reach a bucket.
type S3Config struct {
	Endpoint  string // URL without a path, "http://127.0.0.1:PORT"
	Region    string
	AccessKey string
	SecretKey string
	Bucket    string // empty at first
}

// Host is the endpoint as libraries want it that take scheme and host apart.
func (c S3Config) Host() string {
	_, host, _ := strings.Cut(c.Endpoint, "://")
	return host
}

// S3 returns a fresh bucket on a real S3-compatible server that checks
// signatures and honours conditional puts. It is emptied and removed when the
// test is over.
//
// The server keeps objects as files: as nowhere else in S3, an object "a" and
// an object "a/b" exclude one another there.
//
// BONDED_TEST_S3, "http://ACCESS:SECRET@HOST:PORT?region=REGION" or the same
// with https, names a server to use instead of one of our own.
func S3(t testing.TB) S3Config {
	t.Helper()
	where, err := shared("BONDED_TEST_S3", startS3)
	if errors.Is(err, errAbsent) {
		missing(t, "s3", "run scripts/install go, or set BONDED_TEST_S3 to the URL of a server")
	}
	if err != nil {
		t.Fatal(err)
	}
	config, client, err := dialS3(where)
	if err != nil {
		t.Fatalf("read BONDED_TEST_S3: %v", err)
	}
	config.Bucket = "test-" + strings.ToLower(rand.Text()[:16])
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := client.MakeBucket(ctx, config.Bucket, minio.MakeBucketOptions{Region: config.Region}); err != nil {
		t.Fatalf("make a bucket for a test: %v", err)
	}
	t.Cleanup(func() {
		if err := removeBucket(client, config.Bucket); err != nil {
			t.Errorf("remove the bucket of a test: %v", err)
		}
	})
	version := "version unknown"
	if u, err := url.Parse(where); err == nil && u.Fragment != "" {
		version = u.Fragment
	}
	record(t, "server", "s3", version)
	return config
}

func dialS3(where string) (S3Config, *minio.Client, error) {
	u, err := url.Parse(where)
	if err != nil {
		return S3Config{}, nil, errors.New("not a URL") // the error would hold the secret
	}
	secret, _ := u.User.Password()
	config := S3Config{
		Endpoint: u.Scheme + "://" + u.Host, Region: u.Query().Get("region"),
		AccessKey: u.User.Username(), SecretKey: secret,
	}
	if config.Region == "" {
		config.Region = "us-east-1"
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(config.AccessKey, config.SecretKey, ""),
		Secure: u.Scheme == "https", Region: config.Region,
	})
	return config, client, err
}

func removeBucket(client *minio.Client, bucket string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for object := range client.ListObjectsIter(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err != nil {
			return object.Err
		}
		if err := client.RemoveObject(ctx, bucket, object.Key, minio.RemoveObjectOptions{}); err != nil {
			return fmt.Errorf("remove %s: %w", object.Key, err)
		}
	}
	for upload := range client.ListIncompleteUploads(ctx, bucket, "", true) {
		if upload.Err != nil {
			return upload.Err
		}
		if err := client.RemoveIncompleteUpload(ctx, bucket, upload.Key); err != nil {
			return fmt.Errorf("remove the unfinished upload of %s: %w", upload.Key, err)
		}
	}
	return client.RemoveBucket(ctx, bucket)
}

// startS3 starts a server of our own and returns the form that BONDED_TEST_S3
// has, with the server's name and version as the fragment.
func startS3(string) (string, error) {
	tools, err := Tools()
	if err != nil {
		return "", err
	}
	program := filepath.Join(tools, "bin", "versitygw")
	if _, err := os.Stat(program); err != nil {
		return "", fmt.Errorf("find versitygw: %w", errAbsent)
	}
	dir, err := folderFor("s3", nil)
	if err != nil {
		return "", err
	}
	for _, sub := range []string{"objects", "attributes"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return "", err
		}
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	access, secret := rand.Text(), rand.Text()
	d := daemon{
		name: "versitygw", dir: dir,
		signal: "KILL", // TERM waits for open connections
		// In the environment the keys are hidden from the list of processes.
		env: []string{"ROOT_ACCESS_KEY=" + access, "ROOT_SECRET_KEY=" + secret},
		// Attributes in files of their own: not every file system has the other kind.
		// Without --keep-alive: with it, versitygw 1.8.0 now and then answers 400 on
		// a connection that has served an empty object.
		argv: []string{program, "--port", loopback(port), "--quiet", "posix",
			"--sidecar", filepath.Join(dir, "attributes"), filepath.Join(dir, "objects")},
	}
	if err := keep(d); err != nil {
		return "", err
	}
	where := url.URL{Scheme: "http", Host: loopback(port), User: url.UserPassword(access, secret),
		RawQuery: "region=us-east-1", Fragment: "versitygw " + installed(tools, "versitygw", program)}
	_, client, err := dialS3(where.String())
	if err != nil {
		return "", err
	}
	return where.String(), d.ready(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := client.ListBuckets(ctx)
		return err
	})
}
