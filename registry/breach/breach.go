// Package breach says if a password stands in a list of stolen ones, without
// telling anybody the password.
//
// Three lists are asked, cheapest first:
//
//	common   in this program: what people choose most, and what is made of it
//	filter   a file that an administrator built from a public list of hashes
//	ranges   optional: a service that is asked for all hashes with the same first
//	         twenty bits, so that it cannot tell which one was meant
//
// The filter is made of 256 binary fuse filters (Graf and Lemire, 2022), one for
// each first byte of a SHA-1, with eight bits for each password: it never misses
// a password of its list, and of those that stand in none it takes one in 256
// for stolen. A list of a thousand million hashes becomes a file of 1.1 GB,
// which is held in memory; [Build] needs as much disk again and 200 MB of memory.
//
//	"bonded breach 1\n"
//	256 times: length (8 bytes, big endian), a filter of that length, or nothing
//	SHA-256 of all that
//
// Hole: a service that does not answer stops nobody; the other two lists stand.
package breach

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/FastFilter/xorfilter"
)

const (
	magic  = "bonded breach 1\n"
	shards = 256
	// maxShard is far more than a 256th part of any list there is.
	maxShard = 1 << 30
)

// Lists are all lists that are asked. The zero value asks the one in this program.
type Lists struct {
	// Filter is nil when there is no file.
	Filter *Filter
	// Ranges is the address of a service that answers GET Ranges/PREFIX with lines
	// "SUFFIX:COUNT" of hexadecimal SHA-1; empty: none.
	Ranges string
	Client *http.Client
}

// Known says if a password stands in a list. When it is not known because a
// service did not answer, found is false and err says why.
func (l *Lists) Known(ctx context.Context, password string) (found bool, err error) {
	if Common(password) {
		return true, nil
	}
	sum := sha1.Sum([]byte(password)) //nolint:gosec // it is the hash of the public lists, and guards nothing
	if l.Filter.Has(sum) {
		return true, nil
	}
	if l.Ranges == "" {
		return false, nil
	}
	return l.ask(ctx, sum)
}

// Filter is a list of hashes that takes little more than a byte for each.
type Filter struct {
	shard [shards]*xorfilter.BinaryFuse8
}

// Has says if a SHA-1 stands in the list; for one in 256 that do not, it does too.
func (f *Filter) Has(sum [sha1.Size]byte) bool {
	if f == nil {
		return false
	}
	s := f.shard[sum[0]]
	return s != nil && s.Contains(key(sum[:]))
}

// key is what a filter knows of a SHA-1.
func key(sum []byte) uint64 { return binary.BigEndian.Uint64(sum[1:9]) }

// Open reads a file of Build. One that was cut or changed is an error.
func Open(path string) (*Filter, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the list of stolen passwords: %w", err)
	}
	defer f.Close()
	filter, err := read(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read the list of stolen passwords %s: %w; build it again with: bonded admin passwords build", path, err)
	}
	return filter, nil
}

func read(r io.Reader) (*Filter, error) {
	sum := sha256.New()
	in := io.TeeReader(r, sum)
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(in, head); err != nil || string(head) != magic {
		return nil, fmt.Errorf("it is no such list")
	}
	f := &Filter{}
	for i := range f.shard {
		var err error
		if f.shard[i], err = readShard(in); err != nil {
			return nil, err
		}
	}
	want := sum.Sum(nil)
	got := make([]byte, sha256.Size)
	if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, want) {
		return nil, fmt.Errorf("its checksum is wrong")
	}
	return f, nil
}

// fuseHead are the bytes of a filter before its fingerprints, of which the last
// four say how many follow.
const fuseHead = 28

// readShard reads one filter; nil when there is none for its first byte. Nothing
// is asked of it before the checksum of the whole file was found right.
func readShard(in io.Reader) (*xorfilter.BinaryFuse8, error) {
	var size uint64
	if err := binary.Read(in, binary.BigEndian, &size); err != nil {
		return nil, fmt.Errorf("it is cut off: %w", err)
	}
	if size == 0 {
		return nil, nil
	}
	if size > maxShard {
		return nil, fmt.Errorf("a part of it is too large")
	}
	var body bytes.Buffer
	if _, err := io.CopyN(&body, in, int64(size)); err != nil {
		return nil, fmt.Errorf("it is cut off: %w", err)
	}
	b := body.Bytes()
	if len(b) < fuseHead || uint64(binary.LittleEndian.Uint32(b[fuseHead-4:])) != size-fuseHead {
		return nil, fmt.Errorf("a part of it is not readable")
	}
	s, err := xorfilter.LoadBinaryFuse8(&body)
	if err != nil {
		return nil, fmt.Errorf("a part of it is not readable: %w", err)
	}
	return s, nil
}
