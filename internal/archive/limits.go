package archive

// Limits bound what one archive may cost us. A field that is not positive
// means its default.
//
// The defaults let every package through that a public repository of the
// larger kind holds today, by a factor of two or so, and keep one walk under
// about 100 MB of memory and half a minute of one core. An operator with
// smaller packages should lower them.
type Limits struct {
	// Entries bounds the entries, and apart from them the directories that
	// their paths imply. The widest packages are icon sets, with some 45,000
	// files; a walk remembers about 300 bytes an entry.
	Entries int
	// EntrySize bounds one entry, bytes unpacked. The largest single files are
	// GPU libraries of 1 to 1.5 GB.
	EntrySize int64
	// TotalSize bounds what is unpacked in all, in bytes, for tar with its headers.
	TotalSize int64
	// Ratio bounds unpacked/packed once RatioFloor bytes are unpacked. Deflate
	// reaches 1032; text rarely passes 10 and thousands of tiny files in a tar,
	// mostly header and padding, reach 50.
	Ratio int64
	// NameLength bounds a path, in bytes. Windows stops at 260 characters and
	// Linux at 4096.
	NameLength int
	// Depth bounds the segments of a path. Nested node_modules folders use
	// three a level.
	Depth int
	// Wanted bounds one returned entry, bytes; all of them together may take
	// four times as much. The list of files in a large wheel has a few megabytes.
	Wanted int64
}

// RatioFloor is how many bytes an archive may unpack to whatever its ratio:
// inflating them costs a fraction of a second, and small archives of
// repetitive text are common.
const RatioFloor = 32 << 20

// Bounds that are not worth a setting.
const (
	// extendedHeader bounds one pax or GNU header, bytes; archive/tar and
	// node-tar agree on this figure.
	extendedHeader = 1 << 20
	// nameBytes times Limits.Entries bounds all names together, so that 100,000
	// names of the longest kind cannot be used to fill memory. Real packages
	// average 50 bytes.
	nameBytes = 160
)

func (l Limits) withDefaults() Limits {
	return Limits{
		Entries:    positive(l.Entries, 100_000),
		EntrySize:  positive(l.EntrySize, 2<<30),
		TotalSize:  positive(l.TotalSize, 4<<30),
		Ratio:      positive(l.Ratio, 100),
		NameLength: positive(l.NameLength, 1024),
		Depth:      positive(l.Depth, 64),
		Wanted:     positive(l.Wanted, 8<<20),
	}
}

func positive[T int | int64](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}
