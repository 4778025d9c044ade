package event

import (
	"io"
	"strconv"
	"strings"

	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
)

// ocsfVersion is the version of the Open Cybersecurity Schema Framework that
// writeOCSF writes.
const ocsfVersion = "1.3.0"

const product = "bonded"

// ocsf is one event of OCSF (schema.ocsf.io), with the attributes that our
// classes require and those that we know.
type ocsf struct {
	Metadata     ocsfMetadata      `json:"metadata"`
	Time         int64             `json:"time"` // milliseconds
	Category     int               `json:"category_uid"`
	Class        int               `json:"class_uid"`
	Activity     int               `json:"activity_id"`
	ActivityName string            `json:"activity_name,omitempty"` // of activity 99, Other
	Type         int               `json:"type_uid"`
	Severity     int               `json:"severity_id"`
	Status       int               `json:"status_id"` // 1 success, 2 failure
	Message      string            `json:"message"`
	Actor        ocsfActor         `json:"actor"`
	User         *ocsfUser         `json:"user,omitzero"`
	Service      *ocsfNamed        `json:"service,omitzero"`
	Privileges   []string          `json:"privileges,omitzero"`
	Group        *ocsfNamed        `json:"group,omitzero"`
	Resource     *ocsfNamed        `json:"resource,omitzero"`
	Resources    []ocsfNamed       `json:"web_resources,omitzero"`
	Unmapped     map[string]string `json:"unmapped,omitempty"`
}

type ocsfMetadata struct {
	Product  ocsfProduct `json:"product"`
	Version  string      `json:"version"`
	Profiles []string    `json:"profiles,omitempty"`
	UID      string      `json:"uid"`
	Code     string      `json:"event_code"`
	Log      string      `json:"log_name"`
}

type ocsfProduct struct {
	Name   string `json:"name"`
	Vendor string `json:"vendor_name"`
}

type ocsfActor struct {
	User ocsfUser `json:"user"`
}

type ocsfUser struct {
	Name string `json:"name"`
	Type int    `json:"type_id"` // 1 user, 2 administrator, 3 system
}

type ocsfNamed struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"`
}

// ocsfOf translates a line.
func ocsfOf(a record.Audit) ocsf {
	k := kindOf(a)
	e := ocsf{
		Metadata: ocsfMetadata{Product: ocsfProduct{product, product}, Version: ocsfVersion,
			Profiles: []string{"host"}, // which has the actor
			UID:      strconv.FormatInt(a.ID, 10), Code: a.Action, Log: "journal"},
		Time: a.At.UnixMilli(), Category: k.Class / 1000, Class: k.Class, Activity: k.Activity, Type: k.Class*100 + k.Activity,
		Severity: k.Severity, Status: 1, Message: k.Title, Actor: ocsfActor{userOf(a.Actor)}, Unmapped: map[string]string{},
	}
	if failed[a.Action] {
		e.Status = 2
	}
	if k.Activity == 99 {
		e.ActivityName = a.Action
	}
	for name, v := range map[string]string{"subject": a.Subject, "account": a.Account, "waiting": a.Waiting, "detail": a.Detail} {
		if v != "" {
			e.Unmapped[name] = v
		}
	}
	e.shape(a)
	return e
}

// failed are the events that tell of something that did not happen.
var failed = map[string]bool{"signin.refuse": true, "signin.slow": true, "publisher.refuse": true, "change.fail": true}

// shape adds what the class asks for.
func (e *ocsf) shape(a record.Audit) {
	user := userOf(first(a.Account, a.Subject, a.Actor))
	subject := ocsfNamed{Name: first(a.Subject, a.Account, a.Actor), Type: typeOf(a.Subject)}
	switch e.Class {
	case 3001: // account change
		e.User = &user
	case 3002: // authentication
		e.User, e.Service = &user, &ocsfNamed{Name: product}
	case 3003: // authorize session
		e.User, e.Privileges = &user, []string{a.Action}
	case 3005: // user access management
		e.User, e.Privileges, e.Resource = &user, []string{first(a.Detail, a.Action)}, &subject
	case 3006: // group management
		e.User, e.Group = &user, &ocsfNamed{Name: subject.Name, Type: subject.Type}
	case 6001: // web resources activity
		e.Resources = []ocsfNamed{subject}
	}
}

func userOf(name string) ocsfUser {
	switch {
	case name == "":
		return ocsfUser{"unknown", 0}
	case name == "bonded", strings.HasPrefix(name, "publisher:"):
		return ocsfUser{name, 3}
	case name == "admin":
		return ocsfUser{name, 2}
	}
	return ocsfUser{name, 1}
}

// typeOf says what a subject is.
func typeOf(subject string) string {
	switch {
	case strings.HasPrefix(subject, "@"):
		return "organisation"
	case strings.Contains(subject, "/"):
		return "package"
	}
	return "account"
}

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return "unknown"
}

func writeOCSF(w io.Writer, a record.Audit) error {
	b, err := json.Marshal(ocsfOf(a), json.Deterministic(true))
	if err == nil {
		_, err = w.Write(append(b, '\n'))
	}
	return err
}
