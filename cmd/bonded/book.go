package main

import (
	"fmt"
	"maps"
	"slices"

	"bonded.dev/controls"
	controlcode "bonded.dev/controls/all"
	"bonded.dev/guide"
	"bonded.dev/guide/chapters"
	"bonded.dev/guide/peers"
	"bonded.dev/guide/taxonomies"
	"bonded.dev/incidents"
	"bonded.dev/threats"
	threatcode "bonded.dev/threats/all"
)

// book reads the guide that is built in, and binds its pages to the code that
// they speak of.
func book() (*guide.Book, error) {
	code := guide.Code{
		Probes: slices.Sorted(maps.Keys(controlcode.Probes())),
		Drills: slices.Sorted(maps.Keys(threatcode.Attacks())),
	}
	for _, c := range controlcode.Checks() {
		code.Checks = append(code.Checks, c.ID)
	}
	b, err := guide.Open(guide.Pages{
		Threats: threats.Pages, Controls: controls.Pages, Incidents: incidents.Pages,
		Chapters: chapters.Pages, Taxonomies: taxonomies.Pages, Peers: peers.Pages,
	}, code)
	if err != nil {
		return nil, fmt.Errorf("reading the guide: %w", err)
	}
	return b, nil
}
