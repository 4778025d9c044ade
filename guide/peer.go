package guide

// Peer is the record of what drills and an audit found at a repository that
// others wrote.
type Peer struct {
	ID       string   `yaml:"-" json:"-"`
	Name     string   `yaml:"name" json:"name"` // as its makers write it
	Version  string   `yaml:"version" json:"version"`
	Recorded string   `yaml:"recorded" json:"recorded"` // a date
	Setup    string   `yaml:"setup" json:"setup"`       // how it was set up
	Kinds    []string `yaml:"kinds" json:"kinds"`       // dialects in which it was visited
	// Drill has one outcome for each attack and dialect, in the order of the book.
	Drill []PeerOutcome `yaml:"drill" json:"drill"`
	// Audit has one state for each dialect and control, in the order of the book.
	Audit []PeerState `yaml:"audit" json:"audit"`
}

// PeerOutcome is what came of an attack; the words are those of bonded drill.
type PeerOutcome struct {
	Threat  string `yaml:"threat" json:"threat"`
	Attack  string `yaml:"attack" json:"attack"`
	Kind    string `yaml:"kind" json:"kind"`
	Outcome string `yaml:"outcome" json:"outcome"`
	Why     string `yaml:"why" json:"why"`
}

// PeerState is what is known of a control; the words are those of bonded audit.
type PeerState struct {
	Kind    string `yaml:"kind" json:"kind"`
	Control string `yaml:"control" json:"control"`
	State   string `yaml:"state" json:"state"`
	Why     string `yaml:"why" json:"why"`
}
