package record

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Lease takes a piece of background work for one node until a time, and
// reports if it got it. Whoever holds it may prolong it; what ran out is free.
func (b *Book) Lease(ctx context.Context, name, holder string, now, until time.Time) (got bool, err error) {
	err = b.Update(ctx, func(t *Tx) error {
		n, err := t.exec("take the lease "+name,
			`INSERT INTO lease (name, holder, until) VALUES ($1, $2, $4)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
			WHERE lease.until <= $3 OR lease.holder = $2`, name, holder, micros(now), micros(until))
		got = n > 0
		return err
	})
	return got, err
}

// Meter lets through an event that happens at most so often: burst at once and
// one more for every gap that passes (GCRA). It reports how long to wait
// otherwise, and then the event does not count. All nodes share a meter. What a
// key says, a name or a network, is not kept: only its keyed hash.
func (t *Tx) Meter(key string, now time.Time, gap time.Duration, burst int) (wait time.Duration, err error) {
	key = t.b.meterKey(key)
	var tat int64
	if _, err := t.one("read a rate limit", `SELECT tat FROM meter WHERE key = $1`, []any{key}, &tat); err != nil {
		return 0, err
	}
	next := max(tat, now.UnixMicro()) + gap.Microseconds()
	if over := next - now.UnixMicro() - gap.Microseconds()*int64(burst); over > 0 {
		return time.Duration(over) * time.Microsecond, nil
	}
	_, err = t.exec("write a rate limit",
		`INSERT INTO meter (key, tat) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET tat = excluded.tat`, key, next)
	return 0, err
}

// MeterReset forgets what a meter counted.
func (t *Tx) MeterReset(key string) error {
	_, err := t.exec("reset a rate limit", `DELETE FROM meter WHERE key = $1`, t.b.meterKey(key))
	return err
}

// meterKey hides what is counted. Without a key, as in tests, it is a plain hash,
// which whoever tries all networks can undo.
func (b *Book) meterKey(key string) string {
	m := hmac.New(sha256.New, b.nameKey)
	m.Write([]byte("meter " + key)) //nolint:errcheck // a hash takes everything
	return hex.EncodeToString(m.Sum(nil)[:16])
}

// DropOldMeters forgets meters that would let everything through.
func (t *Tx) DropOldMeters(now time.Time) error {
	_, err := t.exec("forget old rate limits", `DELETE FROM meter WHERE tat < $1`, micros(now))
	return err
}
