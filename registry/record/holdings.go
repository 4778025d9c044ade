package record

import (
	"slices"
	"strings"
)

// What this database holds of people, column by column. Export shows it,
// erasure takes it away, and a test fails for a column that stands in no line:
// whoever adds one decides here what becomes of it.

// Kinds of a column.
const (
	who     = "who"    // names a person; the row goes with that person
	by      = "by"     // names a person; the name is replaced, the row stays
	words   = "words"  // text that may name a person: name and address are replaced in it
	unsaid  = "unsaid" // as words, and never shown: what it holds is the business of a room
	secret  = "secret" // never shown: hashes, seeds, keys
	text    = "text"
	number  = "number"
	flagged = "flag"
	moment  = "time" // microseconds
	hidden  = "hidden"
)

// column is one of a table, and what it is.
type column struct{ name, kind string }

// holding is one table that speaks of people.
type holding struct {
	table   string
	columns []column
}

// personal are the tables that speak of people, as "column:kind". The account
// itself is user_account, which EraseUser replaces as a whole.
var personal = []holding{
	held("user_account", "name:by email:text created:time disabled:time verified:time frozen:time erased:time roles:text"),
	held("enrolment", "hash:secret user_name:who expires:time"),
	held("former_address", "user_name:who email:text until:time"),
	held("password", "user_name:who hash:secret changed:time breached:time"),
	held("passkey", "id:secret user_name:who label:text body:secret created:time counts:time last_used:time"),
	held("totp", "user_name:who sealed:secret created:time step:hidden"),
	held("recovery_code", "hash:secret user_name:who created:time used:time"),
	held("session", "hash:secret id:text user_name:who kind:text factors:text label:text about:hidden "+
		"created:time seen:time rotated:time taken:hidden stepped:time retyped:time"),
	held("device", "hash:secret user_name:who first:time last:time"),
	held("ceremony", "hash:secret kind:text user_name:who code:secret body:secret created:time expires:time"),
	held("token", "id:text hash:secret user_name:who publisher:text label:words origin:text scopes:text versions:text networks:text "+
		"digests:text uses:number public:secret created:time expires:time last_used:time last_from:text revoked:time why:words"),
	held("member", "org:text user_name:who role:text since:time"),
	held("team_member", "org:text team:text user_name:who since:time"),
	held("owner", "eco:text key:text user_name:who rights:text since:time"),
	held("invitation", "id:text kind:text target:text user_name:who rights:text inviter:who created:time expires:time"),
	held("publisher", "id:text eco:text key:text issuer:text profile:text claims:text subject:text creator:by created:time expires:time used:time"),
	held("staged", "id:text eco:text key:text display:text version:text actor:by files:text blobs:hidden body:hidden "+
		"created:time expires:time state:text answerer:by answered:time reason:words"),
	held("waiting", "id:text kind:text account:who eco:text pkg:text actor:by body:unsaid cancel:secret created:time due:time ended:time outcome:text"),
	held("override", "id:text operator:by second:by account:by reason:words created:time agreed:time until:time used:time"),
	held("delivery", "line:number user_name:who tries:number next:time"),
	held("audit", "id:number at:time actor:by action:text subject:by detail:words account:by waiting:text tell:hidden"),
}

// impersonal are the tables that speak of nobody, each with the reason.
var impersonal = map[string]string{
	"entry": "the public log", "hash": "the public log", "record": "the public log", "mark": "how far something is",
	"package": "names of packages", "file": "files of packages", "summary": "what packages say of themselves",
	"requires": "what packages depend on", "download": "counts by package and day",
	"doc": "documents of the log; those that name owners are deleted by package privacy",
	"org": "organisations, not people", "team": "teams, not people", "namespace": "names of organisations",
	"policy": "how packages may be published", "spent": "identity tokens of build jobs",
	"domain": "domains of addresses, forgotten with the last address in one", "lease": "which node does what",
	"meter":        "rate limits, by keyed hashes",
	"erased_name":  "keyed hashes of names, so that nobody takes one again",
	"session_past": "hashes of cookies that sessions had; they go with their session",
	schemaTable:    "which schema this is",
}

func held(table, columns string) holding {
	h := holding{table: table}
	for c := range strings.FieldsSeq(columns) {
		name, kind, _ := strings.Cut(c, ":")
		h.columns = append(h.columns, column{name, kind})
	}
	return h
}

// of are the columns of some kinds.
func (h holding) of(kinds ...string) (names []string) {
	for _, c := range h.columns {
		if slices.Contains(kinds, c.kind) {
			names = append(names, c.name)
		}
	}
	return names
}

// any is a condition that one of the columns holds $1.
func (h holding) any(columns []string) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c + " = $1"
	}
	return strings.Join(list, " OR ")
}
