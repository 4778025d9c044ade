package blob

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// Open opens the store that a setting names: the path of a directory, or
//
//	s3://BUCKET/PREFIX?endpoint=HOST:PORT&region=REGION&tls=off
//
// The key of a bucket comes from the usual AWS_ variables, file or role and
// never stands in a setting. tls=off is for a store on the same host.
func Open(ctx context.Context, where string) (Store, error) {
	if !strings.HasPrefix(where, "s3:") {
		return Dir(where)
	}
	u, err := url.Parse(where)
	if err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	c := S3Config{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}
	for key, values := range u.Query() {
		v := values[0]
		switch {
		case key == "endpoint":
			c.Endpoint = v
		case key == "region":
			c.Region = v
		case key == "tls" && (v == "on" || v == "off"):
			c.Plain = v == "off"
		default:
			return nil, fmt.Errorf("open blob store %s: no setting is called %s=%s; there are endpoint, region and tls=on|off", u.Redacted(), key, v)
		}
	}
	if c.Bucket == "" || c.Endpoint == "" {
		return nil, fmt.Errorf("open blob store %s: want s3://BUCKET?endpoint=HOST:PORT", u.Redacted())
	}
	return S3(ctx, c)
}
