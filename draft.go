package bonded

// Draft is what a request asks the repository to believe: proposed facts, the
// bytes and documents they speak of, and everything the adapter noticed on the
// way. Nobody has judged it yet; it exists only between an adapter and the desk.
type Draft struct {
	Name  Name
	Facts []Entry // Type, Name and the fields of the type; Time is set by the desk
	Kept  []Kept  // bytes now in quarantine that Facts speak of
	Docs  [][]byte
	// Statements are signed with the registry's key of the ecosystem; the
	// signature joins the fact.
	Statements []Statement
	Anomalies  []Anomaly
	Summary    *Summary // of the newest release, for search; nil: unchanged
	Requires   []Name   // packages that the published releases depend on
}

// Publishes reports whether the draft brings a new file.
func (d *Draft) Publishes() bool { return d.has(Publish) }

// Removes reports whether the draft takes bytes away.
func (d *Draft) Removes() bool { return d.has(Remove) }

func (d *Draft) has(t EntryType) bool {
	for i := range d.Facts {
		if d.Facts[i].Type == t {
			return true
		}
	}
	return false
}

// Kept is one run of bytes that streamed into quarantine and was hashed once.
type Kept struct {
	ID      string // place in quarantine
	Digest  Digest
	Size    int64
	MD5     [16]byte
	SHA1    [20]byte
	SHA512  [64]byte
	BLAKE2b [32]byte // BLAKE2b-256, which the Python upload form carries
}

// Statement is a text that an ecosystem's clients expect the registry to have
// signed; it belongs to Facts[Fact].
type Statement struct {
	Fact int
	Text []byte
}

// Summary is what search shows of a package.
type Summary struct {
	Version     string
	Description string
	Keywords    []string
	License     string
	Homepage    string
}

// AnomalyKind groups what adapters notice by the control that judges it.
type AnomalyKind string

const (
	Shape    AnomalyKind = "shape"    // the archive would mean different things to different readers
	Bound    AnomalyKind = "bound"    // the archive costs more than we spend; reading stopped
	Mismatch AnomalyKind = "mismatch" // what the request says differs from what the bytes say
	Checksum AnomalyKind = "checksum" // a size or digest in the request is not that of the bytes
	// Unprintable: text that clients print holds what a terminal obeys.
	Unprintable AnomalyKind = "unprintable"
)

// Anomaly is something odd about an upload. Adapters report; controls judge.
type Anomaly struct {
	Kind   AnomalyKind
	Rule   string // stable id, for example "path-traversal" or "version"
	Where  string // the entry, field or file
	Detail string
}

// Verdict is what a control, and in the end the desk, says. The zero value
// refuses: forgetting to set it lets nothing through.
type Verdict int

const (
	Refuse Verdict = iota
	Hold
	Admit
)

func (v Verdict) String() string { return [...]string{"refuse", "hold", "admit"}[v] }

// Finding is what one control saw.
type Finding struct {
	Control string
	Verdict Verdict
	Kind    Kind   // of the answer when refused; zero means Refused
	Reason  string // for the person at the client: what, why, what next
	Err     error  // private cause, when the control itself failed
}

// Action is a right that a token can carry.
type Action string

const (
	ActRead    Action = "read"
	ActPublish Action = "publish" // new releases, with the tags they set
	ActTag     Action = "tag"     // move tags between releases
	ActYank    Action = "yank"    // yank, deprecate, status, and back
	ActDelete  Action = "delete"
	ActOwner   Action = "owner"  // who owns the package
	ActPolicy  Action = "policy" // how it may be published
)

// Actions lists every action a scope may name.
var Actions = [...]Action{ActRead, ActPublish, ActTag, ActYank, ActDelete, ActOwner, ActPolicy}

// Needs returns the rights that the draft's facts ask for. Tags that come with
// a release belong to publishing it.
func (d *Draft) Needs() []Action {
	seen := map[Action]bool{}
	var out []Action
	add := func(a Action) {
		if !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	for i := range d.Facts {
		switch d.Facts[i].Type {
		case Publish:
			add(ActPublish)
		case SetTag, DropTag:
			if !d.Publishes() {
				add(ActTag)
			}
		case Yank, Unyank, Deprecate, Undeprecate, Status:
			add(ActYank)
		case Remove:
			add(ActDelete)
		case Policy:
			add(ActPolicy)
		default:
			add(ActOwner)
		}
	}
	return out
}

// Receipt goes back to whoever made a fact: where it stands in the log.
type Receipt struct {
	Index uint64 // of the draft's first fact
	Size  uint64 // of the signed checkpoint that covers it
	// Staged names a release that waits for somebody else's approval and is not
	// in the log; Index and Size are then zero.
	Staged  string
	Release string // name and version of what is staged, for people
}
