package eventlog_test

import (
	"testing"

	eventlog "bonded.dev/controls/event-log"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
)

func TestProbe(t *testing.T) {
	l := audittest.NewLog(t)
	l.Add("bonded-log/v1 release\n")
	audittest.Look(t, eventlog.Probe, audittest.Visit(t, "npm", l.Pages()), audit.Unknown, "more than releases")
	l.Add("bonded-log/v1 owners\n")
	audittest.Look(t, eventlog.Probe, audittest.Visit(t, "npm", l.Pages()), audit.Held)
	audittest.Look(t, eventlog.Probe, audittest.Visit(t, "npm", audittest.Pages{}), audit.Unknown, "no feed")
	audittest.Look(t, eventlog.Probe, audittest.Visit(t, "oci", audittest.Pages{}), audit.Unknown, "no usual place")
	audittest.Look(t, eventlog.Probe, audittest.Visit(t, "npm", audittest.Pages{"/_changes?limit=1": {Body: `{"results":[],"last_seq":7}`}}), audit.Unknown, "a feed of releases")
	pages := l.Pages()
	pages["/log/key"] = audittest.NewLog(t).Pages()["/log/key"]
	audittest.Look(t, eventlog.Probe, audittest.Visit(t, "npm", pages), audit.NotHeld)
}
