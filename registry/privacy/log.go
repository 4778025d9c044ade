package privacy

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
)

// Quiet takes the addresses of clients out of log lines. Nobody writes them on
// purpose; they come in the texts of errors of connections.
func Quiet(h slog.Handler) slog.Handler { return quiet{h} }

type quiet struct{ slog.Handler }

// remote is how net and net/http speak of the other side of a connection.
var remote = regexp.MustCompile(`(->|error from |panic serving )(\[[0-9A-Fa-f:.]+(%[^\]\s]+)?\]|[0-9]{1,3}(\.[0-9]{1,3}){3}):[0-9]+`)

func hush(s string) string { return remote.ReplaceAllString(s, "${1}client") }

func hushed(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, hush(v.String()))
	case slog.KindGroup:
		var list []any
		for _, in := range v.Group() {
			list = append(list, hushed(in))
		}
		return slog.Group(a.Key, list...)
	case slog.KindAny:
		if text := fmt.Sprint(v.Any()); hush(text) != text {
			return slog.String(a.Key, hush(text))
		}
	}
	return a
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	n := slog.NewRecord(r.Time, r.Level, hush(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		n.AddAttrs(hushed(a))
		return true
	})
	return q.Handler.Handle(ctx, n)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	list := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		list[i] = hushed(a)
	}
	return quiet{q.Handler.WithAttrs(list)}
}

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
