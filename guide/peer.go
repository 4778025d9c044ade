package guide

// Peer is the record of what drills and an audit found at a repository that
// others wrote.
type Peer struct {
	ID       string   `json:"-"`
	Name     string   `json:"name"` // as its makers write it
	Version  string   `json:"version"`
	Recorded string   `json:"recorded"` // a date
	Setup    string   `json:"setup"`    // how it was set up
	Kinds    []string `json:"kinds"`    // dialects in which it was visited
	// Drill has one outcome for each attack and dialect, in the order of the book.
	Drill []PeerOutcome `json:"drill"`
	// Audit has one state for each dialect and control, in the order of the book.
	Audit []PeerState `json:"audit"`
}

// PeerOutcome is what came of an attack; the words are those of bonded drill.
type PeerOutcome struct {
	Threat  string `json:"threat"`
	Attack  string `json:"attack"`
	Kind    string `json:"kind"`
	Outcome string `json:"outcome"`
	Why     string `json:"why"`
}

// PeerState is what is known of a control; the words are those of bonded audit.
type PeerState struct {
	Kind    string `json:"kind"`
	Control string `json:"control"`
	State   string `json:"state"`
	Why     string `json:"why"`
}
