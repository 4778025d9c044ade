// Package taxonomies holds lists that others made and that the pages of the
// guide are mapped to: requirements, attack trees, weaknesses. Ids and names are
// theirs; a requirement names the controls that answer it, a threat's page the
// attacks it is. Each list says which copy of the source its ids were held
// against, and an entry that nothing answers says why.
package taxonomies

import "embed"

// Pages are the taxonomies, <id>.yaml.
//
//go:embed *.yaml
var Pages embed.FS
