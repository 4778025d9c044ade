package pypi

import (
	"fmt"
	"html"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// RenderHouse returns the list of all projects in both serializations, in the
// order they were claimed. Names are never un-claimed, so each full run is one
// part for ever.
func (e Ecosystem) RenderHouse(h *bonded.House, _ ecosystem.Docs) ([]ecosystem.Document, error) {
	const dir = id + "/simple/"
	runs := h.Names(id)
	page := []ecosystem.Part{fixed("<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"pypi:repository-version\" content=\"" + apiVersion + "\">\n" +
		"<title>Simple index</title>\n</head>\n<body>\n")}
	page = append(page, list("h", runs, func(b []byte, n bonded.Name, _ bool) []byte {
		return append(b, "<a href=\""+n.Key+"/\">"+html.EscapeString(n.Display)+"</a><br>\n"...)
	})...)
	items := []ecosystem.Part{fixed(`{"meta":{"api-version":"` + apiVersion + `"},"projects":[`)}
	items = append(items, list("j", runs, func(b []byte, n bonded.Name, first bool) []byte {
		if !first {
			b = append(b, ',')
		}
		return append(b, "\n{\"name\":"+quote(n.Display)+"}"...)
	})...)
	return []ecosystem.Document{
		{Path: dir + "index.html", Type: typePage, URL: dir, Accept: typeHTML, Parts: append(page, fixed("</body>\n</html>\n"))},
		{Path: dir + "index.json", Type: typeJSON, URL: dir, Accept: typeJSON, Parts: append(items, fixed("]}\n"))},
	}, nil
}

// list makes one part a run. Runs only grow at their end, so that place,
// length and ends name one.
func list(kind string, runs [][]bonded.Name, write func(b []byte, n bonded.Name, first bool) []byte) (out []ecosystem.Part) {
	for i, run := range runs {
		key := fmt.Sprintf("%s %d %d %s %s", kind, i, len(run), run[0].Key, run[len(run)-1].Key)
		out = append(out, ecosystem.Part{Key: key, Bytes: func() (b []byte, err error) {
			for k, n := range run {
				b = write(b, n, i+k == 0)
			}
			return b, nil
		}})
	}
	return out
}
