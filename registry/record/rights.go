package record

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"bonded.dev"
)

// Reach is how somebody stands to a package, by all ways there are: as a
// principal, as an owner of an organisation, in a team, as a trusted publisher.
type Reach struct {
	Claimed bool
	Rights  []string // publish, people, settings; sorted, each once
	Policy  Policy
	// Known says that there is such a user; Disabled is since when the account
	// may do nothing, zero: it may.
	Known    bool
	Disabled time.Time
	// Namespaces are those of organisations that may hold the name, the closest
	// pattern first. Whether one does is for whoever reads patterns to say.
	Namespaces []Namespace
	// Publisher is the trusted publisher that was asked about, as far as it is
	// one of this package; nil: it is none. Everything above then is about its
	// creator.
	Publisher *Publisher
}

// Namespace is a pattern of names that an organisation has for itself.
type Namespace struct {
	Pattern string
	Org     string
	Member  bool // the user who was asked about is in the organisation
}

// principals are those that a user is: himself, the owners of each organisation
// that he owns, and each team that he is in. The parameter is the user.
func principals(column, user string) string {
	return `(` + column + ` = ` + user + `
	OR ` + column + ` IN (SELECT '@' || m.org FROM member m WHERE m.user_name = ` + user + ` AND m.role = 'owner')
	OR ` + column + ` IN (SELECT '@' || tm.org || '/' || tm.team FROM team_member tm WHERE tm.user_name = ` + user + `))`
}

// reach is one statement, because every upload waits for it: rows of a word and
// what belongs to it. A publisher stands for whoever made it.
var reach = `WITH publisher_row AS (SELECT id, creator, expires FROM publisher
		WHERE eco = $1 AND key = $2 AND $4 <> '' AND ' ' || $4 || ' ' LIKE '% ' || id || ' %'),
	who AS (SELECT coalesce((SELECT min(creator) FROM publisher_row), $3) AS name)
	SELECT 'claimed' AS what, '' AS a, '' AS b, CAST(0 AS BIGINT) AS n FROM package WHERE eco = $1 AND key = $2
	UNION ALL SELECT 'rights', o.rights, '', 0 FROM owner o, who WHERE o.eco = $1 AND o.key = $2 AND ` + principals("o.user_name", "who.name") + `
	UNION ALL SELECT 'policy', '', '', trusted_only + 2 * two_person FROM policy WHERE eco = $1 AND key = $2
	UNION ALL SELECT 'user', '', '', CASE WHEN u.disabled <> 0 THEN u.disabled WHEN u.frozen <> 0 THEN u.frozen ELSE u.erased END
		FROM user_account u, who WHERE u.name = who.name
	UNION ALL SELECT 'namespace', n.pattern, n.org, (SELECT count(*) FROM member m, who WHERE m.org = n.org AND m.user_name = who.name)
		FROM namespace n WHERE n.eco = $1 AND (n.pattern = $2 OR n.pattern LIKE '%*'
			AND substr(n.pattern, 1, length(n.pattern) - 1) = substr($2, 1, length(n.pattern) - 1))
	UNION ALL SELECT 'publisher', id, creator, expires FROM publisher_row`

// Reach tells how a user stands to a package, in one round trip. publishers are
// the ids, separated by blanks, of the trusted publishers that ask in the user's
// place; empty: the user asks.
func (b *Book) Reach(ctx context.Context, name bonded.Name, user, publishers string) (Reach, error) {
	what := "read who may do what to " + name.String()
	rows, err := b.read.QueryContext(ctx, reach, name.Ecosystem, name.Key, user, publishers)
	if err != nil {
		return Reach{}, b.wrap(what, err)
	}
	defer rows.Close()
	r, err := scanReach(rows, name, strings.Fields(publishers))
	return r, b.wrap(what, err)
}

func scanReach(rows *sql.Rows, name bonded.Name, publishers []string) (r Reach, err error) {
	for rows.Next() {
		var what, first, second string
		var n int64
		if err := rows.Scan(&what, &first, &second, &n); err != nil {
			return r, err
		}
		switch what {
		case "claimed":
			r.Claimed = true
		case "rights":
			r.Rights = append(r.Rights, strings.Fields(first)...)
		case "policy":
			r.Policy = Policy{TrustedOnly: n&1 != 0, TwoPerson: n&2 != 0}
		case "user":
			r.Known, r.Disabled = true, fromMicros(n)
		case "namespace":
			r.Namespaces = append(r.Namespaces, Namespace{Pattern: first, Org: second, Member: n > 0})
		case "publisher":
			// LIKE does not tell upper from lower case in every database.
			if slices.Contains(publishers, first) {
				r.Publisher = &Publisher{ID: first, Package: name, Creator: second, Expires: fromMicros(n)}
			}
		}
	}
	slices.Sort(r.Rights)
	r.Rights = slices.Compact(r.Rights)
	slices.SortFunc(r.Namespaces, func(a, b Namespace) int {
		// A whole name is closer than a start of the same length.
		return cmp.Or(len(strings.TrimSuffix(b.Pattern, "*"))-len(strings.TrimSuffix(a.Pattern, "*")), len(a.Pattern)-len(b.Pattern))
	})
	return r, rows.Err()
}

// Rights says if a name is claimed, and what a user may do to it by all ways
// together: publish, people, settings.
func (b *Book) Rights(ctx context.Context, name bonded.Name, user string) (claimed bool, rights []string, err error) {
	r, err := b.Reach(ctx, name, user, "")
	return r.Claimed, r.Rights, err
}

// Standing says if a name is claimed, and if user has any right on it.
func (b *Book) Standing(ctx context.Context, name bonded.Name, user string) (claimed, owner bool, err error) {
	claimed, rights, err := b.Rights(ctx, name, user)
	return claimed, len(rights) > 0, err
}

// Factored reports whether a person has taken an account into use: it has a
// passkey or an authenticator app.
func (b *Book) Factored(ctx context.Context, user string) (yes bool, err error) {
	err = b.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM passkey WHERE user_name = $1)
		OR EXISTS (SELECT 1 FROM totp WHERE user_name = $1)`, user).Scan(&yes)
	return yes, b.wrap("look for factors of "+user, err)
}
