package visit

// ReadOnly is a dialect in which nobody uploads: what its repositories hold
// comes from elsewhere, and they have no accounts.
type ReadOnly interface{ ReadsOnly() }

// Checked is a dialect whose digests are told by a database beside it, when it
// knows its name.
type Checked interface {
	CheckedBy(database string) Dialect
}

// Guided is a dialect that recognises a repository more surely when it is told
// of packages that are there.
type Guided interface {
	Knowing(names ...string) Dialect
}
