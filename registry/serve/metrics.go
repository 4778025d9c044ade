package serve

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics counts. Reads use counters that were looked up beforehand: one
// atomic addition is all that a hot request pays.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	writes   *prometheus.HistogramVec
	refusals *prometheus.CounterVec
	panics   prometheus.Counter
	busy     prometheus.Counter
	hits     prometheus.Counter
	hatch    prometheus.Counter
	misses   prometheus.Counter
	drafts   prometheus.Histogram
	batches  prometheus.Histogram
}

// reads are the outcomes of GET and HEAD in one room.
type reads struct{ ok, same, part, other prometheus.Counter }

func newMetrics(reg *prometheus.Registry, h *Handler) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	seconds := []float64{.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60, 300}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bonded_requests_total", Help: "Requests answered."}, []string{"dialect", "verb", "status"}),
		writes:   prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "bonded_write_seconds", Help: "Time from the first byte of an upload or change to its outcome.", Buckets: seconds}, []string{"dialect"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bonded_refusals_total", Help: "Drafts that a control refused."}, []string{"control"}),
		panics:   counter("bonded_panics_total", "Requests that panicked."),
		busy:     counter("bonded_busy_total", "Writes sent away because too many were at work."),
		hits:     counter("bonded_memory_hits_total", "Reads answered from memory."),
		hatch:    counter("bonded_hatch_total", "Reads answered before package http saw them."),
		misses:   counter("bonded_memory_misses_total", "Reads that asked the blob store."),
		drafts:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "bonded_batch_drafts", Help: "Drafts recorded together.", Buckets: []float64{1, 2, 4, 8, 16, 32, 64}}),
		batches:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "bonded_batch_seconds", Help: "Time to record, sign and project a batch.", Buckets: seconds}),
	}
	reg.MustRegister(m.requests, m.writes, m.refusals, m.panics, m.busy, m.hits, m.hatch, m.misses, m.drafts, m.batches,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bonded_memory_bytes", Help: "Weight of the documents and artifacts in memory."},
			func() float64 { return float64(h.shelf.slots.used()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bonded_writes_in_flight", Help: "Uploads and changes at work."},
			func() float64 { return float64(len(h.writing)) }))
	if h.LogSize != nil {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bonded_log_entries", Help: "Entries in the log."},
			func() float64 { return float64(h.LogSize()) }))
	}
	m.handler = promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
	return m
}

func (m *metrics) reads(room string) *reads {
	of := func(status string) prometheus.Counter { return m.requests.WithLabelValues(room, "fetch", status) }
	return &reads{ok: of("200"), same: of("304"), part: of("206"), other: of("4xx")}
}

func (m *metrics) write(room string, took time.Duration) {
	m.writes.WithLabelValues(room).Observe(took.Seconds())
}

// Batch is told about each batch that the desk wrote.
func (h *Handler) Batch(drafts int, took time.Duration) {
	h.metrics.drafts.Observe(float64(drafts))
	h.metrics.batches.Observe(took.Seconds())
}

// unusual counts what http.ServeContent did, going by the headers it left: a
// wrapper that saw the status would stand between the file and the socket.
func (s *reads) unusual(h http.Header) {
	switch part := h.Get("Content-Range"); {
	case strings.HasPrefix(part, "bytes */"):
		s.other.Inc()
	case part != "" || strings.HasPrefix(h.Get("Content-Type"), "multipart/byteranges"):
		s.part.Inc()
	case h.Get("Content-Type") == "":
		s.same.Inc()
	default:
		s.ok.Inc()
	}
}
