//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// packageSize is that of the perf notes: most packages are smaller.
const packageSize = 20_000

// burst is what one measurement of publishing found.
type burst struct {
	server  string
	clients int
	rate    float64 // a second
	p50     time.Duration
	p95     time.Duration
	perCPU  float64 // CPU seconds of the server for 1000
}

func (l *lab) publishes(ctx context.Context, out io.Writer) error {
	var registries []*server
	for _, s := range l.servers {
		if s.name != "nginx" {
			registries = append(registries, s)
		}
	}
	found := map[string][]burst{}
	var order []string
	for round := range l.rounds {
		fmt.Printf("publishing, round %d of %d\n", round+1, l.rounds)
		for _, clients := range []int{1, 8, 32} {
			for _, s := range registries {
				b, err := l.burst(ctx, s, clients, fmt.Sprintf("load-%d-%d", round, clients), newPackages)
				if err != nil {
					return err
				}
				key := fmt.Sprintf("%d clients, %s", clients, s.name)
				if len(found[key]) == 0 {
					order = append(order, key)
				}
				found[key] = append(found[key], b)
			}
		}
	}
	fmt.Fprintf(out, "\nPublishing packages of 20 kB, each under a new name; medians of %d rounds of %s\n\n", l.rounds, l.publishTime())
	fmt.Fprint(out, "| clients | a second | p50 | p95 | CPU s for 1000 |\n|---|---|---|---|---|\n")
	for _, key := range order {
		printBurst(out, key, median(found[key]))
	}
	if l.history == "" {
		return nil
	}
	return l.histories(ctx, out)
}

func (l *lab) publishTime() time.Duration { return 2 * l.seconds }

func printBurst(out io.Writer, what string, b burst) {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
	fmt.Fprintf(out, "| %s | %.0f | %s | %s | %.2f |\n", what, b.rate, ms(b.p50), ms(b.p95), b.perCPU)
}

// median takes the middle one by rate: its figures belong together.
func median(list []burst) burst {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b burst) int { return int(a.rate - b.rate) })
	return list[len(list)/2]
}

// naming says what the i-th publication of a client is called.
type naming func(prefix string, client, i int) (name, version string)

func newPackages(prefix string, client, i int) (string, string) {
	return fmt.Sprintf("%s-%d-%d", prefix, client, i), "1.0.0"
}

// burst lets clients publish as fast as they can for a while. Making the
// tarball is not part of the time of a publication.
func (l *lab) burst(ctx context.Context, s *server, clients int, prefix string, name naming) (burst, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var times []time.Duration
	var errs []error
	before, err := s.cpu()
	if err != nil {
		return burst{}, err
	}
	began := time.Now()
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := 0; time.Since(began) < l.publishTime() && ctx.Err() == nil; i++ {
				name, version := name(prefix, c, i)
				took, err := timed(ctx, client, s, name, version)
				mu.Lock()
				times = append(times, took)
				if err != nil {
					errs = append(errs, err)
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	wall := time.Since(began)
	after, err := s.cpu()
	if err := errors.Join(append(errs, err, ctx.Err())...); err != nil {
		return burst{}, err
	}
	slices.Sort(times)
	n := len(times)
	return burst{
		server: s.name, clients: clients, rate: float64(n) / wall.Seconds(),
		p50: times[n/2], p95: times[n*95/100], perCPU: (after - before).Seconds() / float64(n) * 1000,
	}, nil
}

func timed(ctx context.Context, client *http.Client, s *server, name, version string) (time.Duration, error) {
	m := newManifest(name, version)
	tgz, err := tarball(m, packageSize)
	if err != nil {
		return 0, err
	}
	body, err := publishBody(s.url, m, tgz)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	err = put(ctx, client, s, name, body)
	return time.Since(began), err
}

// histories measures one more version for packages that have some, many and
// very many, on bonded alone: the cost must not grow with the history.
func (l *lab) histories(ctx context.Context, out io.Writer) error {
	fmt.Fprint(out, "\nOne more version of 20 kB, one client, bonded\n\n| versions there are | a second | p50 | p95 | CPU s for 1000 |\n|---|---|---|---|---|\n")
	for word := range strings.SplitSeq(l.history, ",") {
		n, err := strconv.Atoi(word)
		if err != nil {
			return fmt.Errorf("-history: %w", err)
		}
		name := fmt.Sprintf("history-%d", n)
		if err := l.grow(ctx, name, n); err != nil {
			return err
		}
		var found []burst
		for round := range l.rounds {
			b, err := l.burst(ctx, l.bonded, 1, name, func(prefix string, _, i int) (string, string) {
				return prefix, fmt.Sprintf("2.%d.%d", round, i)
			})
			if err != nil {
				return err
			}
			found = append(found, b)
			if n < 100 {
				break // more rounds would make it longer than it is called
			}
		}
		printBurst(out, fmt.Sprint(n), median(found))
	}
	return nil
}

// grow gives a package its history. Eight clients share the batches.
func (l *lab) grow(ctx context.Context, name string, n int) error {
	next := make(chan int)
	errs := make(chan error, 8)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range next {
				if err := publish(ctx, http.DefaultClient, l.bonded, name, fmt.Sprintf("1.%d.%d", i/100, i%100), 100); err != nil {
					select {
					case errs <- err:
					default:
					}
				}
			}
		})
	}
	for i := range n {
		next <- i
		if i%1000 == 999 {
			fmt.Printf("%s has %d versions\n", name, i+1)
		}
		if len(errs) > 0 {
			break
		}
	}
	close(next)
	wg.Wait()
	select {
	case err := <-errs:
		return fmt.Errorf("growing %s: %w", name, err)
	default:
		return nil
	}
}
