package breach

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	rangeTimeout = 2 * time.Second
	maxRange     = 1 << 20 // bytes; an answer has about 40 000
	prefix       = 5       // hexadecimal digits that the service hears
)

// ask asks for all hashes that begin like this one and looks for it among them.
// The answer is asked to be padded, so that whoever sees its length learns
// nothing either; lines of padding have the count 0.
func (l *Lists) ask(ctx context.Context, sum [20]byte) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, rangeTimeout)
	defer cancel()
	text := strings.ToUpper(hex.EncodeToString(sum[:]))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(l.Ranges, "/")+"/"+text[:prefix], nil)
	if err != nil {
		return false, fmt.Errorf("ask for stolen passwords: %w", err)
	}
	r.Header.Set("Add-Padding", "true")
	r.Header.Set("User-Agent", "bonded")
	client := l.Client
	if client == nil {
		client = http.DefaultClient
	}
	answer, err := client.Do(r)
	if err != nil {
		return false, fmt.Errorf("ask for stolen passwords: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return false, fmt.Errorf("ask for stolen passwords: the service answered %s", answer.Status)
	}
	lines := bufio.NewScanner(io.LimitReader(answer.Body, maxRange))
	for lines.Scan() {
		suffix, count, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if strings.EqualFold(suffix, text[prefix:]) {
			return strings.TrimSpace(count) != "0", nil
		}
	}
	if err := lines.Err(); err != nil {
		return false, fmt.Errorf("ask for stolen passwords: %w", err)
	}
	return false, nil
}
