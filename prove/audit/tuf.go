package audit

import (
	"context"
	"fmt"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"bonded.dev/prove/visit"
)

// TUF is the metadata of The Update Framework, as a stranger found it.
type TUF struct {
	URL  string // of the root, from which the others are found
	Root *metadata.Metadata[metadata.RootType]
}

// tufPlaces are where a repository has its metadata, relative to its URL.
func tufPlaces() []string { return []string{"trust/", "metadata/", "tuf/", ""} }

// TUF looks for a root at the usual places; nil when there is none, and then
// the evidence says where it was looked for.
func (v *Visit) TUF(ctx context.Context) (*TUF, []Evidence, error) {
	var looked []Evidence
	for _, place := range tufPlaces() {
		for _, file := range []string{"root.json", "1.root.json"} {
			r, err := v.Get(ctx, place+file, "application/json")
			if err != nil {
				return nil, nil, err
			}
			if !r.OK() {
				continue
			}
			root, err := metadata.Root().FromBytes(r.Body)
			if err == nil && len(root.Signed.Roles) > 0 {
				return &TUF{URL: r.URL, Root: root}, nil, nil
			}
		}
		looked = append(looked, Evidence{URL: visit.Resolve(v.Site.Base, place), Saw: "no root.json"})
	}
	return nil, looked, nil
}

// Read fetches another file beside the root.
func (t *TUF) Read(ctx context.Context, v *Visit, file string) ([]byte, error) {
	r, err := v.Get(ctx, visit.Resolve(t.URL, file), "application/json")
	if err == nil && !r.OK() {
		err = fmt.Errorf("%s answers %d", file, r.Status)
	}
	return r.Body, err
}
