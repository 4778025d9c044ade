package serve_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"bonded.dev/internal/testenv"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/serve"
)

// TestOverABucket reads everything once more with an S3 store behind: there
// are no files to send from, and other nodes write.
func TestOverABucket(t *testing.T) {
	bucket := testenv.S3(t)
	store, err := blob.S3(t.Context(), blob.S3Config{
		Endpoint: bucket.Host(), Plain: strings.HasPrefix(bucket.Endpoint, "http:"), Bucket: bucket.Bucket,
		Region: bucket.Region, AccessKey: bucket.AccessKey, SecretKey: bucket.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t, func(c *serve.Config) { c.Recheck = time.Second })
	l.store.Store = store
	large := strings.Repeat("0123456789", 200_000)
	for path, content := range map[string]string{"toy/a/doc.json": "doc", "toy/a/doc.json.gz": "packed", "toy/a/-/small": "small", "toy/a/-/large": large} {
		if err := store.Put(t.Context(), "public/"+path, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	addr, _ := l.listen()
	for range 2 {
		want(t, "document", text(t, l.do("GET", "/toy/a")), "doc")
		want(t, "compressed", text(t, l.do("GET", "/toy/a", "Accept-Encoding: gzip")), "packed")
		want(t, "small", text(t, l.do("GET", "/toy/a/-/small")), "small")
		want(t, "large", text(t, l.do("GET", "/toy/a/-/large")) == large, true)
		want(t, "part of the large", text(t, l.do("GET", "/toy/a/-/large", "Range: bytes=1999990-")), "0123456789")
		want(t, "absent", l.do("GET", "/toy/none").StatusCode, 404)
		r, err := http.Get("http://" + addr + "/toy/a/-/large")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "over a socket", text(t, r) == large, true)
		r.Body.Close()
	}
	opens := l.store.opens.get()
	l.do("GET", "/toy/a")
	want(t, "requests to the bucket for a hot document", l.store.opens.get()-opens, 0)
	if err := store.Put(t.Context(), "public/toy/a/doc.json", []byte("from another node")); err != nil {
		t.Fatal(err)
	}
	l.now = l.now.Add(2 * time.Second)
	want(t, "after a second", text(t, l.do("GET", "/toy/a")), "from another node")
}
