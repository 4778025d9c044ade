package drill_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// TestForgeReachesWhatIsNamedByItsDigest forges a layer: the manifest that
// names it has another digest then, and is found under it.
func TestForgeReachesWhatIsNamedByItsDigest(t *testing.T) {
	sum := func(s string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(s))) }
	manifest := `{"layers":["` + sum("genuine") + `"]}`
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	for _, path := range []string{"/repo/manifests/latest", "/repo/manifests/" + sum(manifest)} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Docker-Content-Digest", sum(manifest))
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, manifest)
		})
	}
	mux.HandleFunc("/repo/blobs/"+sum("genuine"), func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "genuine") })
	change := drill.Forge(visit.File{URL: s.URL + "/repo/blobs/" + sum("genuine")}, []byte("genuine"), []byte("evil"))
	base, web := through(t, s, change)

	get := func(path string) visit.Response {
		r, err := web.Get(t.Context(), strings.TrimSuffix(base, "/")+path, "")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	tagged := get("/manifests/latest")
	if want := strings.Replace(manifest, sum("genuine"), sum("evil"), 1); string(tagged.Body) != want {
		t.Errorf("by its tag: %s, want %s", tagged.Body, want)
	}
	told := tagged.Header.Get("Docker-Content-Digest")
	if told != sum(string(tagged.Body)) {
		t.Errorf("the header tells %s, the bytes have %s", told, sum(string(tagged.Body)))
	}
	if named := get("/manifests/" + told); string(named.Body) != string(tagged.Body) || !named.OK() {
		t.Errorf("by its digest: %d %s", named.Status, named.Body)
	}
	if layer := get("/blobs/" + sum("evil")); string(layer.Body) != "evil" || !layer.OK() {
		t.Errorf("the layer: %d %s", layer.Status, layer.Body)
	}
	if other := get("/blobs/" + sum("something")); other.Status != http.StatusNotFound {
		t.Errorf("what nobody forged: %d", other.Status)
	}
}
