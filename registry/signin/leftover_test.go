package signin

import (
	"errors"
	"slices"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// TestRecoveryLeavesNothingOfAThief: what somebody asked for and offered with the
// account while they had it does not come true after its owner is back, who has
// all the rights that would be asked for then.
func TestRecoveryLeavesNothingOfAThief(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx := b.t.Context()
		w, _, codes := b.withCode("alice")
		w.proves("alice")
		_, err := b.Recover(ctx, b.asks("alice"), codes[0])
		b.must(err)
		b.due()
		owner := b.browser()
		in, err := b.Enrol(ctx, b.link("enrol", "alice"), owner.visit())
		b.must(err)
		owner.keep(in)

		pad := bonded.Name{Ecosystem: "toy", Key: "pad", Display: "pad"}
		program := record.Ceremony{Hash: bonded.DigestOf([]byte("program")), Kind: "login", User: "alice", Created: b.Now(), Expires: b.Now().Add(time.Minute)}
		b.update(func(tx *record.Tx) error {
			until := b.Now().Add(72 * time.Hour)
			return errors.Join(
				tx.AddWaiting(record.Waiting{ID: "package", Kind: "policy", Package: pad, Actor: "alice", Body: []byte("{}"), Created: b.Now(), Due: until}),
				tx.AddWaiting(record.Waiting{ID: "org", Kind: "offboard", Account: "@acme", Actor: "alice", Body: []byte("{}"), Created: b.Now(), Due: until}),
				tx.AddWaiting(record.Waiting{ID: "others", Kind: "policy", Package: pad, Actor: "bob", Body: []byte("{}"), Created: b.Now(), Due: until}),
				tx.AddInvitation(record.Invitation{ID: "offer", Kind: "package", Target: "toy/pad", User: "mallory", Rights: "publish", Inviter: "alice", Created: b.Now(), Expires: until}),
				tx.AddInvitation(record.Invitation{ID: "asked", Kind: "org", Target: "@acme", User: "alice", Rights: "member", Inviter: "bob", Created: b.Now(), Expires: until}),
				tx.AddCeremony(program),
			)
		})
		b.must(b.SetPassword(ctx, owner.session(), better))
		owner.addApp()
		b.must(owner.finish())

		var waits, offers []string
		var goes bool
		b.update(func(tx *record.Tx) error {
			mine, err := tx.Waits("alice")
			rest, err2 := tx.Waits("bob")
			invited, err3 := tx.InvitationsWith("alice", b.Now())
			for _, x := range slices.Concat(mine, rest) {
				waits = append(waits, x.ID)
			}
			for _, x := range invited {
				offers = append(offers, x.ID)
			}
			_, found, err4 := tx.Ceremony("login", program.Hash, b.Now())
			goes = found
			return errors.Join(err, err2, err3, err4)
		})
		if !slices.Equal(waits, []string{"others"}) || !slices.Equal(offers, []string{"asked"}) || goes {
			b.t.Errorf("left: changes %v, invitations %v, a program's log-in %v", waits, offers, goes)
		}
		b.happened("alice", "invite.end", 1)
		b.happened("alice", "change.cancel", 2)
	})
}
