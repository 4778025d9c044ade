package book

import (
	"fmt"
	"strings"

	"bonded.dev/guide"
)

// count is a sentence of numbers about the book. A number in prose would be
// wrong after the next page that somebody adds.
func (p *Printer) count(args []string) ([]part, error) {
	made := map[string]func() string{"covered": p.countCovered, "beyond": p.countBeyond, "basis": p.countBasis, "effort": p.countEffort}
	make, ok := made[strings.Join(args, " ")]
	if !ok {
		return nil, fmt.Errorf("{{count %s}} is none of basis, beyond, covered, effort", strings.Join(args, " "))
	}
	return []part{prose(make())}, nil
}

// countIf counts what fits.
func countIf[T any](list []T, fits func(T) bool) (n int) {
	for _, x := range list {
		if fits(x) {
			n++
		}
	}
	return n
}

func (p *Printer) countCovered() string {
	n := func(cover string) int {
		return countIf(p.Threats, func(t *guide.Threat) bool { return t.Cover() == cover })
	}
	return fmt.Sprintf("Of %d threats %d are covered, %d thin and %d bare.", len(p.Threats), n(guide.Covered), n(guide.Thin), n(guide.Bare))
}

func (p *Printer) countBeyond() string {
	beyond := func(list []*guide.Control) bool {
		return countIf(list, func(c *guide.Control) bool { return c.Principle != "" }) == 0
	}
	recent := countIf(p.Incidents, func(i *guide.Incident) bool { return i.Year() >= guide.Since && beyond(i.Help) })
	return fmt.Sprintf("Of the %d controls of this guide %d answer no item of the Principles v0.1. Of its %d threats %d are answered by no item at all; "+
		"and of the %d incidents since %s %d have none among what would have helped (our mapping).",
		len(p.Controls), countIf(p.Controls, func(c *guide.Control) bool { return c.Principle == "" }),
		len(p.Threats), countIf(p.Threats, func(t *guide.Threat) bool { return beyond(t.Stops) }),
		guide.Recent(p.Incidents), guide.Since, recent)
}

func (p *Printer) countBasis() string {
	n := func(basis string) int {
		return countIf(p.Incidents, func(i *guide.Incident) bool { return i.Basis == basis })
	}
	return fmt.Sprintf("Of %d incidents %d are seen, %d partly and %d unchecked.", len(p.Incidents), n("seen"), n("partly"), n("unchecked"))
}

func (p *Printer) countEffort() string {
	n := func(effort string) int {
		return countIf(p.Controls, func(c *guide.Control) bool { return c.Effort == effort })
	}
	return fmt.Sprintf("Of the %d controls in this guide %d are a matter of hours, %d of days, %d of weeks and %d of months "+
		"(our estimates, for one or two people who know their code); %d have no or low friction.",
		len(p.Controls), n("hours"), n("days"), n("weeks"), n("months"),
		countIf(p.Controls, func(c *guide.Control) bool { return c.Friction == "none" || c.Friction == "low" }))
}
