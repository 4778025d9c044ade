package breach

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/FastFilter/xorfilter"
)

// Build makes a file from a public list of hashes: lines "SHA-1:COUNT" or
// "SHA-1", hexadecimal, in any order; hashes that were seen fewer than least
// times are left out. It returns how many hashes went in. The file takes the
// place of an earlier one only when it is whole.
func Build(ctx context.Context, list io.Reader, out string, least int) (n int64, err error) {
	dir, err := os.MkdirTemp(filepath.Dir(out), ".breach-")
	if err != nil {
		return 0, fmt.Errorf("build a list of stolen passwords: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what stays is named so that it can be found
	if n, err = sortOut(ctx, list, dir, least); err != nil {
		return 0, fmt.Errorf("build a list of stolen passwords: %w", err)
	}
	whole := filepath.Join(dir, "whole")
	if err := join(ctx, dir, whole); err != nil {
		return 0, fmt.Errorf("build a list of stolen passwords: %w", err)
	}
	if err := os.Rename(whole, out); err != nil {
		return 0, fmt.Errorf("build a list of stolen passwords: %w", err)
	}
	return n, nil
}

func part(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("%02x", i)) }

const maxLine = 256 // bytes; a good one has about fifty

// sortOut writes the keys of a list into a file for each first byte.
func sortOut(ctx context.Context, list io.Reader, dir string, least int) (n int64, err error) {
	var files [shards]*os.File
	var parts [shards]*bufio.Writer
	defer func() {
		for i, f := range files {
			if f != nil {
				err = errors.Join(err, parts[i].Flush(), f.Close())
			}
		}
	}()
	for i := range files {
		if files[i], err = os.Create(part(dir, i)); err != nil {
			return 0, err
		}
		parts[i] = bufio.NewWriterSize(files[i], 16<<10)
	}
	lines := bufio.NewScanner(list)
	lines.Buffer(make([]byte, maxLine), maxLine)
	var word [8]byte
	for at := int64(1); lines.Scan(); at++ {
		if at&0xfffff == 0 && ctx.Err() != nil {
			return n, ctx.Err()
		}
		sum, count, err := readLine(lines.Bytes())
		if err != nil {
			return n, fmt.Errorf("line %d: %w", at, err)
		}
		if count < least {
			continue
		}
		binary.BigEndian.PutUint64(word[:], key(sum[:]))
		if _, err := parts[sum[0]].Write(word[:]); err != nil {
			return n, err
		}
		n++
	}
	if err := lines.Err(); err != nil {
		return n, err
	}
	if n == 0 {
		return 0, errors.New("there is no hash in the list")
	}
	return n, nil
}

// readLine reads "SHA-1:COUNT"; a line without a count was seen often enough.
func readLine(line []byte) (sum [sha1.Size]byte, count int, err error) {
	line = bytes.TrimSpace(line)
	text, times, counted := bytes.Cut(line, []byte(":"))
	if len(text) != 2*sha1.Size {
		return sum, 0, errors.New("it does not begin with a SHA-1 in 40 hexadecimal digits")
	}
	if _, err := hex.Decode(sum[:], text); err != nil {
		return sum, 0, errors.New("it does not begin with a SHA-1 in 40 hexadecimal digits")
	}
	if !counted {
		return sum, 1 << 30, nil
	}
	if count, err = strconv.Atoi(string(times)); err != nil {
		return sum, 0, errors.New("its count is no number")
	}
	return sum, count, nil
}

// join makes a filter of each part, one after the other, so that no more than
// one part is in memory.
func join(ctx context.Context, dir, whole string) (err error) {
	f, err := os.Create(whole)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	buffered := bufio.NewWriterSize(f, 1<<20)
	out := io.MultiWriter(buffered, sum)
	if _, err := io.WriteString(out, magic); err != nil {
		return err
	}
	var builder xorfilter.BinaryFuseBuilder
	for i := range shards {
		if err := ctx.Err(); err != nil {
			return err
		}
		body, err := fuse(&builder, part(dir, i))
		if err != nil {
			return err
		}
		if err := binary.Write(out, binary.BigEndian, uint64(len(body))); err != nil {
			return err
		}
		if _, err := out.Write(body); err != nil {
			return err
		}
	}
	if _, err := buffered.Write(sum.Sum(nil)); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

func fuse(builder *xorfilter.BinaryFuseBuilder, path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	keys := make([]uint64, len(b)/8)
	for i := range keys {
		keys[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	filter, err := xorfilter.BuildBinaryFuse[uint8](builder, keys)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = filter.Save(&out)
	return out.Bytes(), err
}
