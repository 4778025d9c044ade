package visit

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Storable reports whether a shared cache may keep the answer to a GET and give
// it to the next who asks (RFC 9111 section 3). authorized says that the
// request carried a credential: then it takes the repository's express leave
// (section 3.5).
func (r Response) Storable(authorized bool) bool {
	d := r.directives()
	_, noStore := d["no-store"]
	_, private := d["private"]
	_, public := d["public"]
	_, shared := d["s-maxage"]
	_, must := d["must-revalidate"]
	switch {
	case noStore, private, strings.Contains(strings.Join(r.Header.Values("Vary"), ","), "*"):
		return false
	case authorized && !public && !shared && !must:
		return false
	}
	_, age := d["max-age"]
	return public || shared || age || r.Header.Get("Expires") != "" || heuristic(r.Status)
}

// Fresh is for how long a shared cache gives out what it keeps without asking
// again (RFC 9111 section 4.2); zero: not at all.
func (r Response) Fresh() time.Duration {
	d := r.directives()
	if _, ok := d["no-cache"]; ok {
		return 0
	}
	for _, name := range []string{"s-maxage", "max-age"} {
		if v, ok := d[name]; ok {
			n, err := strconv.ParseInt(v, 10, 32)
			if err != nil {
				return 0
			}
			return time.Duration(n) * time.Second
		}
	}
	date := moment(r.Header.Get("Date"))
	if at := r.Header.Get("Expires"); at != "" {
		return max(0, moment(at).Sub(date))
	}
	if at := moment(r.Header.Get("Last-Modified")); heuristic(r.Status) && !at.IsZero() {
		return max(0, date.Sub(at)/10) // what section 4.2.2 calls typical
	}
	return 0
}

func (r Response) directives() map[string]string {
	d := map[string]string{}
	for item := range strings.SplitSeq(strings.Join(r.Header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		d[strings.ToLower(name)] = strings.Trim(value, `"`)
	}
	return d
}

// heuristic reports a status that may be kept without express leave (RFC 9110
// section 15.1).
func heuristic(status int) bool {
	switch status {
	case 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

func moment(text string) time.Time {
	at, err := http.ParseTime(text)
	if err != nil {
		return time.Time{}
	}
	return at
}
