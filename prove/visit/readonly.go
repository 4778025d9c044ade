package visit

// ReadOnly is a dialect in which nobody uploads: what its repositories hold
// comes from elsewhere, and they have no accounts.
type ReadOnly interface{ ReadsOnly() }
