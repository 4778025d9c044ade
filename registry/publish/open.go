package publish

import (
	"context"
	"fmt"
	"time"

	"bonded.dev"
	"bonded.dev/internal/logwire"
	"bonded.dev/internal/statemap"
	"bonded.dev/registry/ledger"
	"bonded.dev/registry/record"
)

// Open reads where history stands, begins it where there is none, logs what
// the configuration changed about the repository itself, and brings the shelf
// up to the head of the log. It is the recovery after any crash: what was
// committed is projected, what was not is not there.
func (d *Desk) Open(ctx context.Context) error {
	unlock, err := d.Book.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := d.load(ctx); err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	if err := d.sameKey(ctx); err != nil {
		return err
	}
	if err := d.settle(ctx); err != nil {
		return fmt.Errorf("logging what changed about the repository: %w", err)
	}
	if err := d.Shelf.Text(ctx, logwire.KeyPath, []byte(d.Keys.Verifier()+"\n")); err != nil {
		return err
	}
	if err := d.project(ctx); err != nil {
		return fmt.Errorf("bringing the shelf up to the log: %w", err)
	}
	now, err := d.snapshot(ctx)
	if err != nil {
		return err
	}
	d.published.Store(now)
	return d.flush(ctx)
}

// load reads the head, the house and the state map, and holds the map against
// the newest seal: a node that starts with another state must not write.
func (d *Desk) load(ctx context.Context) error {
	return d.Book.View(ctx, func(tx *record.Tx) (err error) {
		if d.seq.head, err = tx.Head(); err != nil {
			return err
		}
		if d.seq.house, err = tx.House(); err != nil {
			return err
		}
		if d.seq.records, err = statemap.Load(tx.Records()); err != nil {
			return err
		}
		if d.seq.projected, err = tx.Mark(MarkShelved); err != nil {
			return err
		}
		d.seq.marked = d.seq.projected
		return ledger.CheckSeal(tx, d.seq.records)
	})
}

// settle logs the genesis of a new log, a new public URL and new keys.
func (d *Desk) settle(ctx context.Context) error {
	now := d.Now().UTC().Truncate(time.Second)
	var facts []bonded.Entry
	if d.seq.head == 0 {
		facts = append(facts, bonded.Entry{Type: bonded.Genesis, Time: now, Origin: d.Origin})
	} else if d.seq.house.Origin != d.Origin {
		return fmt.Errorf("this data belongs to the log %q and the configuration names %q; a log keeps its origin for ever", d.seq.house.Origin, d.Origin)
	}
	if d.URL != "" && d.seq.house.URL != d.URL {
		facts = append(facts, bonded.Entry{Type: bonded.Site, Time: now, URL: d.URL})
	}
	for _, key := range d.Keys.RegistryKeys() {
		if !knows(d.seq.house, key) {
			facts = append(facts, bonded.Entry{Type: bonded.Key, Time: now, Key: key})
		}
	}
	if len(facts) == 0 {
		return nil
	}
	return d.logFacts(ctx, facts)
}

func knows(h *bonded.House, key bonded.RegistryKey) bool {
	for _, k := range h.Keys {
		if k.Ecosystem == key.Ecosystem && k.ID == key.ID {
			return true
		}
	}
	return false
}

// logFacts writes facts about the repository itself.
func (d *Desk) logFacts(ctx context.Context, facts []bonded.Entry) error {
	var b *batch
	err := d.Book.Update(ctx, func(tx *record.Tx) (err error) {
		b = d.newBatch(ctx, tx)
		for i, f := range facts {
			if b.house, err = b.house.Apply(d.seq.head+uint64(i), f); err != nil {
				return err
			}
		}
		b.entries = facts
		return b.seal()
	})
	if err == nil {
		b.keep()
	}
	return err
}

// catchUp learns what other nodes wrote since this one last held the lock.
func (d *Desk) catchUp(ctx context.Context) error {
	var head uint64
	touched := map[string]bonded.Name{}
	var changed []bonded.Record
	house := d.seq.house
	err := d.Book.View(ctx, func(tx *record.Tx) (err error) {
		if head, err = tx.Head(); err != nil || head == d.seq.head {
			return err
		}
		for row, err := range tx.Entries(d.seq.head, head) {
			if err != nil {
				return err
			}
			if house, err = house.Apply(row.Index, row.Entry); err != nil {
				return err
			}
			if n := row.Entry.Name; !n.IsZero() {
				touched[n.String()] = n
			}
		}
		for _, n := range touched {
			p, err := tx.Package(n)
			if err != nil {
				return err
			}
			changed = append(changed, p.AllRecords()...)
			d.remember(p)
		}
		return ledger.CheckSeal(tx, d.seq.records.Set(changed))
	})
	if err != nil || head == d.seq.head {
		return err
	}
	d.advance(head, house, d.seq.records.Set(changed))
	d.Shelf.Forget()
	if d.seq.projected, err = d.shelvedByOthers(ctx); err != nil {
		return err
	}
	return d.project(ctx)
}
