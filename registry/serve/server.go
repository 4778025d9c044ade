package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	headerTime = 10 * time.Second
	answerTime = time.Minute // to begin and finish a small answer; larger ones get more
	idleTime   = 2 * time.Minute
	headerSize = 64 << 10
	// drainTime bounds how long running requests may take to end. An upload
	// that is cut off leaves nothing behind.
	drainTime  = 30 * time.Second
	flushEvery = time.Minute
)

// Server is an http.Server with the limits set. There is no ReadTimeout: an
// upload takes as long as it moves, see upload.
func (h *Handler) Server() *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		WriteTimeout:      answerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerSize,
		ErrorLog:          slog.NewLogLogger(h.Log.Handler(), slog.LevelWarn),
	}
}

// Serve answers connections until ctx ends. Then /readyz turns to no, Drain
// passes so that load balancers look elsewhere, no new connection is taken,
// and requests that run may finish.
func (h *Handler) Serve(ctx context.Context, l net.Listener) error {
	srv := h.Server()
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(listener{l, h}) }()
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	for {
		select {
		case err := <-failed:
			return fmt.Errorf("serving %s: %w", l.Addr(), err)
		case <-flush.C:
			h.Flush(ctx)
		case <-ctx.Done():
			return h.leave(context.WithoutCancel(ctx), srv)
		}
	}
}

func (h *Handler) leave(ctx context.Context, srv *http.Server) error {
	h.leaving.Store(true)
	time.Sleep(h.Drain)
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	err := srv.Shutdown(ctx)
	if err == nil {
		err = h.hatch.wait(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		h.Log.Warn("requests were cut off after waiting for them to end", "waited", drainTime)
		err = srv.Close()
	}
	h.Flush(ctx)
	return err
}

// Flush writes down what was downloaded. It may fail: counting waits, serving
// does not.
func (h *Handler) Flush(ctx context.Context) {
	if err := h.tally.flush(ctx, h.Tally); err != nil {
		h.Log.Warn("downloads stay uncounted for now", "err", err)
	}
}
