package audit

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
)

//go:embed report.html
var reportHTML string

//go:embed report.css
var reportCSS string

// HTML is the report as one page that needs nothing else: no script, no file
// beside it, no network.
func (r *Report) HTML() ([]byte, error) {
	t, err := template.New("report").Funcs(template.FuncMap{
		"levels": func() []int { return []int{1, 2, 3, 4} },
		"word":   func(s State) string { return strings.ReplaceAll(string(s), " ", "-") },
		"link":   func(url string) bool { return strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://") },
		"stayed": func(s *Stayed) string { return s.text() },
		"day":    func(at string) string { day, _, _ := strings.Cut(at, "T"); return day },
	}).Parse(reportHTML)
	if err != nil {
		return nil, fmt.Errorf("reading the page's template: %w", err)
	}
	var b bytes.Buffer
	page := struct {
		*Report
		Style template.CSS
	}{r, template.CSS(reportCSS)}
	if err := t.Execute(&b, page); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	return b.Bytes(), nil
}

// Of returns the controls of a track, for the page.
func (s *Section) Of(track string) (list []Judged) {
	for _, j := range s.Controls {
		if j.Track == track {
			list = append(list, j)
		}
	}
	return list
}

// Reached says what a level of a track is, for the page: seen, told, open or
// missing.
func (t Track) Reached(level int) string {
	switch {
	case !slices.Contains(t.Levels, level):
		return "beside"
	case level <= t.Level:
		return "seen"
	case level <= t.Documented:
		return "told"
	case level <= t.Possible:
		return "open"
	}
	return "missing"
}
