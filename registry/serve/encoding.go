package serve

import (
	"strconv"
	"strings"
)

// coding is what a client takes, as far as we can offer it.
type coding struct{ gzip, identity bool }

// codings reads an Accept-Encoding header (RFC 9110 section 12.5.3). Without
// one we send identity: a client that can do better says so.
func codings(header []string) coding {
	if len(header) == 0 {
		return coding{identity: true}
	}
	return codingsOf(strings.Join(header, ","))
}

func codingsOf(header string) coding {
	// What nearly every client sends needs no parsing.
	switch header {
	case "", "identity":
		return coding{identity: true}
	case "gzip", "gzip, deflate", "gzip,deflate", "gzip, deflate, br", "gzip,deflate,br", "gzip, deflate, br, zstd":
		return coding{gzip: true, identity: true}
	}
	return parseCodings(header)
}

func parseCodings(header string) coding {
	const unsaid = -1
	gzip, identity, other := float64(unsaid), float64(unsaid), float64(unsaid)
	for item := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(item, ";")
		q := quality(params)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			gzip = q
		case "identity":
			identity = q
		case "*":
			other = q
		}
	}
	if gzip == unsaid {
		gzip = max(other, 0)
	}
	if identity == unsaid {
		// Identity is acceptable unless it is excluded, and asked for least.
		if identity = 0.001; other == 0 {
			identity = 0
		}
	}
	return coding{gzip: gzip > 0 && gzip >= identity || gzip > 0 && identity == 0, identity: identity > 0}
}

// quality reads the weight of an item; what cannot be read counts as zero,
// which never sends a coding that a client may not want.
func quality(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		key, v, ok := strings.Cut(strings.TrimSpace(p), "=")
		if !ok || !strings.EqualFold(strings.TrimSpace(key), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil || q < 0 || q > 1 {
			return 0
		}
		return q
	}
	return 1
}
