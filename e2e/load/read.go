//go:build linux

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How many versions make documents of about 5 kB and 500 kB.
const (
	fewVersions  = 6
	manyVersions = 560
)

const abbreviated = "application/vnd.npm.install-v1+json"

// read is one case.
type read struct {
	name    string
	path    string // below the registry's URL
	file    string // what nginx serves
	accept  string
	gzip    bool
	same    bool // ask for what the client has
	bytes   bool // count bytes, not requests
	clients int
}

func readCases() []read {
	var cases []read
	for _, size := range []string{"small", "large"} {
		for _, form := range []string{"abbreviated", "full"} {
			accept := abbreviated
			if form == "full" {
				accept = "application/json"
			}
			base := read{path: "bench-" + size, file: size + "-" + form + ".json", accept: accept, clients: 15}
			for _, way := range []string{"identity", "gzip", "304"} {
				c := base
				c.name = size + " packument, " + form + ", " + way
				c.gzip, c.same = way == "gzip", way == "304"
				cases = append(cases, c)
			}
		}
	}
	for _, t := range []struct {
		size    string
		clients int
	}{{"20k", 15}, {"1m", 4}, {"100m", 2}} {
		name := "bench-" + t.size
		cases = append(cases, read{name: t.size + " tarball", path: name + "/-/" + name + "-1.0.0.tgz", file: t.size + ".tgz",
			accept: "*/*", bytes: true, clients: t.clients})
	}
	return cases
}

// fill publishes what is read to every registry, and gives nginx what bonded
// answers.
func (l *lab) fill(ctx context.Context) error {
	began := time.Now()
	registries := []*server{l.bonded}
	if v := l.named("verdaccio"); v != nil {
		registries = append(registries, v)
	}
	for _, s := range registries {
		for name, n := range map[string]int{"bench-small": fewVersions, "bench-large": manyVersions} {
			for i := range n {
				if err := publish(ctx, http.DefaultClient, s, name, fmt.Sprintf("1.0.%d", i), 200); err != nil {
					return err
				}
			}
		}
		for name, size := range map[string]int{"bench-20k": 20_000, "bench-1m": 1 << 20, "bench-100m": 100 << 20} {
			if err := publish(ctx, http.DefaultClient, s, name, "1.0.0", size); err != nil {
				return err
			}
		}
	}
	for _, c := range readCases() {
		if c.same || l.named("nginx") == nil {
			continue
		}
		b, h, err := get(ctx, l.bonded.url+c.path, c)
		if err != nil {
			return err
		}
		file := filepath.Join(l.dir, "nginx", "files", c.file)
		if c.gzip {
			if h.Get("Content-Encoding") != "gzip" {
				return fmt.Errorf("%s: bonded does not send gzip", c.name)
			}
			file += ".gz"
		}
		if err := os.WriteFile(file, b, 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("filled in %.0f s\n", time.Since(began).Seconds())
	return nil
}

// get asks once, as a case does.
func get(ctx context.Context, url string, c read) ([]byte, http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Accept", c.accept)
	r.Header.Set("Accept-Encoding", "identity")
	if c.gzip {
		r.Header.Set("Accept-Encoding", "gzip")
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %.200s", url, answer.StatusCode, b)
	}
	return b, answer.Header, err
}

// sample is what one measurement found.
type sample struct {
	work float64 // requests, or megabytes
	cpu  time.Duration
	wall time.Duration
}

func (s sample) rate() float64 { return s.work / s.cpu.Seconds() }

// result is a case on one server.
type result struct {
	samples []sample
	size    int
}

// rate is the median work for each second of CPU time.
func (r *result) rate() float64 {
	if r == nil || len(r.samples) == 0 {
		return 0
	}
	rates := make([]float64, len(r.samples))
	for i, s := range r.samples {
		rates[i] = s.rate()
	}
	slices.Sort(rates)
	return rates[len(rates)/2]
}

func (l *lab) reads(ctx context.Context, out io.Writer) error {
	if err := l.fill(ctx); err != nil {
		return err
	}
	cases := slices.DeleteFunc(readCases(), func(c read) bool { return !strings.Contains(c.name, l.cases) })
	results := map[string]map[string]*result{}
	for _, c := range cases {
		results[c.name] = map[string]*result{}
		for _, s := range l.servers {
			b, _, err := get(ctx, l.where(s, c), c)
			if err != nil {
				return err
			}
			results[c.name][s.name] = &result{size: len(b)}
		}
	}
	for round := range l.rounds {
		fmt.Printf("reads, round %d of %d\n", round+1, l.rounds)
		for _, c := range cases {
			for _, s := range l.servers {
				got, err := l.measure(ctx, s, c)
				if err != nil {
					return fmt.Errorf("%s on %s: %w", c.name, s.name, err)
				}
				r := results[c.name][s.name]
				r.samples = append(r.samples, got)
			}
		}
	}
	l.printReads(out, cases, results)
	return nil
}

func (l *lab) where(s *server, c read) string {
	if s.name == "nginx" {
		return s.url + c.file
	}
	return s.url + c.path
}

// measure lets wrk ask for some seconds.
func (l *lab) measure(ctx context.Context, s *server, c read) (sample, error) {
	url := l.where(s, c)
	args := []string{"-t1", "-c" + strconv.Itoa(c.clients), "-d" + strconv.Itoa(max(1, int(l.seconds.Seconds()))) + "s", "-H", "Accept: " + c.accept}
	if c.gzip {
		args = append(args, "-H", "Accept-Encoding: gzip")
	}
	if c.same {
		_, h, err := get(ctx, url, c)
		if err != nil {
			return sample{}, err
		}
		args = append(args, "-H", "If-None-Match: "+h.Get("Etag"))
	}
	before, err := s.cpu()
	if err != nil {
		return sample{}, err
	}
	began := time.Now()
	said, err := exec.CommandContext(ctx, "wrk", append(args, url)...).CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, said)
	}
	got := sample{wall: time.Since(began)}
	after, err := s.cpu()
	if err != nil {
		return sample{}, err
	}
	got.cpu = max(after-before, 10*time.Millisecond)
	got.work, err = parseWrk(said, c.bytes)
	return got, err
}

var wrkTotal = regexp.MustCompile(`(\d+) requests in [^,]+, ([0-9.]+)([KMGT]?)B read`)

// parseWrk reads how many requests were answered, or how many megabytes came.
func parseWrk(said []byte, inBytes bool) (float64, error) {
	if bytes.Contains(said, []byte("Non-2xx")) {
		return 0, fmt.Errorf("some answers were errors: %s", said)
	}
	m := wrkTotal.FindSubmatch(said)
	if m == nil {
		return 0, fmt.Errorf("wrk says something else: %s", said)
	}
	if !inBytes {
		return strconv.ParseFloat(string(m[1]), 64)
	}
	n, err := strconv.ParseFloat(string(m[2]), 64)
	unit := map[string]float64{"": 1e-6, "K": 1024e-6, "M": 1.048576, "G": 1073.741824, "T": 1099511.627776}
	n *= unit[string(m[3])]
	if n == 0 && err == nil {
		err = errors.New("nothing was read")
	}
	return n, err
}

func (l *lab) printReads(out io.Writer, cases []read, results map[string]map[string]*result) {
	fmt.Fprintf(out, "\nReads: requests, for tarballs MB, for each CPU second of the server; median of %d rounds of %s\n\n", l.rounds, l.seconds)
	fmt.Fprintf(out, "| case | bytes |%s\n|---|---|%s\n", l.columns(), strings.Repeat("---|", len(l.servers)+1))
	for _, c := range cases {
		r := results[c.name]
		fmt.Fprintf(out, "| %s | %d |", c.name, r["bonded"].size)
		for _, s := range l.servers {
			fmt.Fprintf(out, " %.0f |", r[s.name].rate())
		}
		fmt.Fprintf(out, " %s |\n", strings.Join(l.ratios(r), " / "))
	}
	for _, s := range l.servers {
		fmt.Fprintf(out, "\n%s: %d MB resident after the reads.", s.name, s.memory()>>20)
	}
	fmt.Fprintln(out)
}

func (l *lab) columns() string {
	var b strings.Builder
	var others []string
	for _, s := range l.servers {
		b.WriteString(" " + s.name + " |")
		if s.name != "bonded" {
			others = append(others, s.name)
		}
	}
	return b.String() + " bonded to " + strings.Join(others, " / ") + " |"
}

func (l *lab) ratios(r map[string]*result) []string {
	var out []string
	for _, s := range l.servers {
		if s.name != "bonded" {
			out = append(out, fmt.Sprintf("%.2f", r["bonded"].rate()/cmp.Or(r[s.name].rate(), 1)))
		}
	}
	return out
}
