package archivetest

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

var le = binary.LittleEndian

// Offsets of fields that cases tamper with, in the fixed parts of the records.
const (
	LocalVersion, CentralVersion   = 4, 6
	LocalFlags, CentralFlags       = 6, 8
	LocalMethod, CentralMethod     = 8, 10
	LocalCRC, CentralCRC           = 14, 16
	LocalPacked, CentralPacked     = 18, 20
	LocalUnpacked, CentralUnpacked = 22, 24
	CentralAttrs, CentralOffset    = 38, 42
)

// Parts are the pieces of a zip, for cases that put them together differently.
type Parts struct {
	Entries   []byte // local headers and contents
	Directory []byte
	Count     int
}

// Zip writes entries in the plain form: deflated, with the directory and the
// end record behind them.
func Zip(entries ...Entry) []byte {
	return ZipParts(entries...).Join("")
}

// Join writes the parts one after another, and the end record with a comment.
func (p Parts) Join(comment string) []byte {
	b := append(append([]byte{}, p.Entries...), p.Directory...)
	return append(b, EndRecord(p.Count, len(p.Directory), len(p.Entries), comment)...)
}

// ZipParts writes the pieces.
func ZipParts(entries ...Entry) Parts {
	var p Parts
	for _, e := range entries {
		p.Entries = append(p.Entries, e.Before...)
		local, central := e.zipRecords(len(p.Entries))
		p.Entries = append(p.Entries, local...)
		if !e.NoCentral {
			p.Directory = append(p.Directory, central...)
			p.Count++
		}
	}
	return p
}

// zipRecords writes the local header with the content, and the record of the
// central directory.
func (e Entry) zipRecords(offset int) (local, central []byte) {
	body, mode := e.Body, 0o100000|uint32(e.mode())
	switch e.Type {
	case '2':
		body, mode = e.Link, 0o120777
	case '5':
		mode = 0o040755
	}
	packed, method, flags := []byte(body), uint16(0), uint16(0)
	if !e.Store && e.Type != '5' {
		packed, method = deflate(body), 8
	}
	if e.Descriptor {
		flags |= 1 << 3
	}
	for _, c := range []byte(e.Name) {
		if c >= 0x80 {
			flags |= 1 << 11
		}
	}
	localName := e.Name
	if e.LocalName != "" {
		localName = e.LocalName
	}
	common := func(versions ...uint16) []byte {
		var b bytes.Buffer
		for _, v := range versions {
			b.Write(le.AppendUint16(nil, v))
		}
		b.Write(le.AppendUint16(nil, flags))
		b.Write(le.AppendUint16(nil, method))
		b.Write(le.AppendUint32(nil, 0x5a210000)) // 2025-01-01 00:00
		return b.Bytes()
	}
	sizes := le.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body)))
	sizes = le.AppendUint32(sizes, uint32(len(packed)))
	sizes = le.AppendUint32(sizes, uint32(len(body)))

	local = append([]byte("PK\x03\x04"), common(20)...)
	if e.Descriptor {
		local = append(local, make([]byte, 12)...)
	} else {
		local = append(local, sizes...)
	}
	local = le.AppendUint16(local, uint16(len(localName)))
	local = le.AppendUint16(local, uint16(len(e.LocalExtra)))
	if e.Local != nil {
		e.Local(local)
	}
	local = append(append(append(local, localName...), e.LocalExtra...), packed...)
	if e.Descriptor {
		local = append(append(local, "PK\x07\x08"...), sizes...)
	}

	central = append([]byte("PK\x01\x02"), common(3<<8|20, 20)...)
	central = append(central, sizes...)
	central = le.AppendUint16(central, uint16(len(e.Name)))
	central = le.AppendUint16(central, uint16(len(e.CentralExtra)))
	central = append(central, make([]byte, 6)...) // comment, disk, internal attributes
	central = le.AppendUint32(central, mode<<16)
	central = le.AppendUint32(central, uint32(offset))
	if e.Central != nil {
		e.Central(central)
	}
	central = append(append(central, e.Name...), e.CentralExtra...)
	return local, central
}

// EndRecord writes an end of central directory record.
func EndRecord(entries, size, offset int, comment string) []byte {
	b := append([]byte("PK\x05\x06"), 0, 0, 0, 0)
	b = le.AppendUint16(b, uint16(entries))
	b = le.AppendUint16(b, uint16(entries))
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(offset))
	b = le.AppendUint16(b, uint16(len(comment)))
	return append(b, comment...)
}

// End64 writes a zip64 end of central directory record, to stand at byte at,
// and its locator.
func End64(entries, size, offset, at int) []byte {
	b := append([]byte("PK\x06\x06"), 44, 0, 0, 0, 0, 0, 0, 0, 45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for _, v := range []int{entries, entries, size, offset} {
		b = le.AppendUint64(b, uint64(v))
	}
	b = append(b, "PK\x06\x07\x00\x00\x00\x00"...)
	b = le.AppendUint64(b, uint64(at))
	return le.AppendUint32(b, 1)
}

// Extra writes an extra field.
func Extra(id uint16, data []byte) []byte {
	b := le.AppendUint16(nil, id)
	b = le.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

// Zip64Extra writes a zip64 extra field with the given values.
func Zip64Extra(values ...uint64) []byte {
	var b []byte
	for _, v := range values {
		b = le.AppendUint64(b, v)
	}
	return Extra(1, b)
}

// UnicodePath writes the extra field that replaces name by other.
func UnicodePath(name, other string) []byte {
	b := le.AppendUint32([]byte{1}, crc32.ChecksumIEEE([]byte(name)))
	return Extra(0x7075, append(b, other...))
}

// Put16 and Put32 return a hook that overwrites a field.
func Put16(at int, v uint16) func([]byte) { return func(b []byte) { le.PutUint16(b[at:], v) } }

// Put32 is Put16 for four bytes.
func Put32(at int, v uint32) func([]byte) { return func(b []byte) { le.PutUint32(b[at:], v) } }
