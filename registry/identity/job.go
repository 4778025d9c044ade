package identity

import (
	"bonded.dev"
	"bonded.dev/registry/record"
)

// JobTTL is how long the upload token of a build job lives.
const JobTTL = PublisherTTL

// JobToken makes the upload token of a build job in a transaction of its
// caller, who also writes the event. It belongs to no user but to the trusted
// publishers with the given ids; it publishes and tags the packages and does
// nothing else, and with digests (SHA-256, hexadecimal) it uploads these
// artifacts alone.
func (k *Keeper) JobToken(tx *record.Tx, publishers []string, packages []bonded.Name, digests []string) (Secret, record.Token, error) {
	var scopes []Scope
	for _, n := range packages {
		scopes = append(scopes, Scope{Actions: []bonded.Action{bonded.ActPublish, bonded.ActTag}, Ecosystem: n.Ecosystem, Pattern: n.Key})
	}
	secret, t, err := k.PrepareToken("", Limits{Scopes: scopes, TTL: JobTTL, Digests: digests, Publishers: publishers}, OriginPublisher)
	if err != nil {
		return Secret{}, t, err
	}
	if err := tx.AddToken(t); err != nil {
		return Secret{}, t, err
	}
	return secret, t, nil
}
