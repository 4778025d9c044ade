package book

import (
	"fmt"

	"bonded.dev/guide"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The catalogue as data: docs/formats/guide.md says what stands in it, and
// docs/formats/guide.schema.json says so to machines.

// Format names the shape of the catalogue; it changes when a field changes its
// meaning or goes away.
const Format = "bonded-guide/v1"

type (
	jsonBook struct {
		Format     string         `json:"format"`
		Since      string         `json:"since"`
		Stages     []jsonTerm     `json:"stages"`
		Tracks     []jsonTerm     `json:"tracks"`
		Levels     []jsonTerm     `json:"levels"`
		Parts      []jsonTerm     `json:"parts"`
		Threats    []jsonThreat   `json:"threats"`
		Controls   []jsonControl  `json:"controls"`
		Incidents  []jsonIncident `json:"incidents"`
		Chapters   []jsonChapter  `json:"chapters"`
		Taxonomies []jsonTaxonomy `json:"taxonomies"`
		Peers      []jsonPeer     `json:"peers"`
	}
	jsonTerm struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Means string `json:"means"`
	}
	jsonPage struct {
		ID       string        `json:"id"`
		Title    string        `json:"title"`
		Lead     string        `json:"lead"`
		Sections []jsonSection `json:"sections"`
	}
	jsonSection struct {
		Heading string `json:"heading"`
		Text    string `json:"text"`
	}
	jsonThreat struct {
		jsonPage
		Stage     string              `json:"stage"`
		Cover     string              `json:"cover"`
		Controls  []string            `json:"controls"`
		Incidents []string            `json:"incidents"`
		Maps      map[string][]string `json:"maps"`
		Drilled   bool                `json:"drilled"`
		Open      string              `json:"open,omitempty"`
		Undrilled string              `json:"undrilled,omitempty"`
	}
	jsonControl struct {
		jsonPage
		Track      string            `json:"track"`
		Level      int               `json:"level"`
		Principle  string            `json:"principle,omitempty"`
		Applies    []string          `json:"applies"`
		Requires   []string          `json:"requires"`
		Unlocks    []string          `json:"unlocks"`
		Threats    []string          `json:"threats"`
		Incidents  []string          `json:"incidents"`
		Adoption   string            `json:"adoption"`
		Registries map[string]string `json:"registries"`
		Effort     string            `json:"effort"`
		Friction   string            `json:"friction"`
		Privacy    string            `json:"privacy"`
		Here       string            `json:"here"`
		Where      string            `json:"where,omitempty"`
		Why        string            `json:"why,omitempty"`
		Judged     bool              `json:"judged"`
		Probed     bool              `json:"probed"`
		Unseen     string            `json:"unseen,omitempty"`
		Checked    string            `json:"checked"`
	}
	jsonIncident struct {
		jsonPage
		Date       string        `json:"date"`
		Kind       string        `json:"kind"`
		Ecosystems []string      `json:"ecosystems"`
		Packages   []string      `json:"packages"`
		Exposure   *jsonExposure `json:"exposure,omitempty"`
		Threats    []string      `json:"threats"`
		Controls   []string      `json:"controls"`
		Basis      string        `json:"basis"`
		Sources    []string      `json:"sources"`
		Checked    string        `json:"checked"`
	}
	jsonExposure struct {
		Hours     float64 `json:"hours"`
		Bound     string  `json:"bound,omitempty"`
		Unchecked bool    `json:"unchecked,omitempty"`
	}
	jsonChapter struct {
		jsonPage
		Part    string   `json:"part"`
		For     string   `json:"for,omitempty"`
		Checked string   `json:"checked"`
		Sources []string `json:"sources"`
	}
	jsonTaxonomy struct {
		ID      string     `json:"id"`
		Name    string     `json:"name"`
		Version string     `json:"version"`
		Checked string     `json:"checked"`
		Note    string     `json:"note"`
		Items   []jsonItem `json:"items"`
	}
	jsonPeer struct {
		ID         string `json:"id"`
		guide.Peer `json:",inline"`
	}
	jsonItem struct {
		ID       string   `json:"id"`
		Name     string   `json:"name"`
		Group    string   `json:"group,omitempty"`
		Controls []string `json:"controls"`
		Threats  []string `json:"threats"`
		Why      string   `json:"why,omitempty"`
	}
)

// JSON prints the whole catalogue.
func (p *Printer) JSON() ([]byte, error) {
	out := jsonBook{
		Format: Format, Since: guide.Since,
		Stages: jsonTerms(guide.Stages()), Tracks: jsonTerms(guide.Tracks()), Levels: jsonTerms(guide.Levels()), Parts: jsonTerms(guide.Parts()),
	}
	for _, t := range p.Threats {
		out.Threats = append(out.Threats, jsonThreatOf(t))
	}
	for _, c := range p.Controls {
		out.Controls = append(out.Controls, jsonControlOf(c))
	}
	for _, i := range p.Incidents {
		out.Incidents = append(out.Incidents, jsonIncidentOf(i))
	}
	for _, c := range p.Chapters {
		out.Chapters = append(out.Chapters, jsonChapter{jsonPageOf(&c.Page), c.Part, c.For, c.Checked, c.Sources})
	}
	for _, t := range p.Taxonomies {
		out.Taxonomies = append(out.Taxonomies, p.jsonTaxonomyOf(t))
	}
	for _, x := range p.Peers {
		out.Peers = append(out.Peers, jsonPeer{x.ID, *x})
	}
	return encode(out)
}

// jsonPage prints one page as an object of the catalogue; nil for a page that
// is made of others.
func (p *Printer) jsonPage(a address) ([]byte, error) {
	switch a.kind {
	case "threat":
		return encode(jsonThreatOf(p.Threat(a.id)))
	case "control":
		return encode(jsonControlOf(p.Control(a.id)))
	case "incident":
		return encode(jsonIncidentOf(p.Incident(a.id)))
	case "chapter":
		c := p.Chapter(a.id)
		return encode(jsonChapter{jsonPageOf(&c.Page), c.Part, c.For, c.Checked, c.Sources})
	case "taxonomy":
		return encode(p.jsonTaxonomyOf(p.Taxonomy(a.id)))
	}
	return nil, fmt.Errorf("printing %s as JSON: it lists other pages; ask for the whole catalogue", a)
}

func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v, json.Deterministic(true), json.FormatNilSliceAsNull(false), jsontext.Multiline(true))
	if err != nil {
		return nil, fmt.Errorf("printing JSON: %w", err)
	}
	return append(b, '\n'), nil
}

func jsonTerms(list []guide.Term) (out []jsonTerm) {
	for _, t := range list {
		out = append(out, jsonTerm(t))
	}
	return out
}

func jsonPageOf(p *guide.Page) jsonPage {
	out := jsonPage{ID: p.ID, Title: p.Title, Lead: p.Lead}
	for _, s := range p.Sections {
		out.Sections = append(out.Sections, jsonSection(s))
	}
	return out
}

func jsonThreatOf(t *guide.Threat) jsonThreat {
	return jsonThreat{jsonPageOf(&t.Page), t.Stage, t.Cover(), t.Controls, ids(t.Incidents), t.Maps, t.Drilled, t.Open, t.Undrilled}
}

func jsonControlOf(c *guide.Control) jsonControl {
	return jsonControl{
		jsonPage: jsonPageOf(&c.Page), Track: c.Track, Level: c.Level, Principle: c.Principle, Applies: c.Applies, Requires: c.Requires,
		Unlocks: ids(c.Unlocks), Threats: ids(c.Threats), Incidents: ids(c.Incidents), Adoption: c.Adoption, Registries: c.Registries,
		Effort: c.Effort, Friction: c.Friction, Privacy: c.Privacy, Here: c.Here, Where: c.Where, Why: c.Why,
		Judged: c.Judged, Probed: c.Probed, Unseen: c.Unseen, Checked: c.Checked,
	}
}

func jsonIncidentOf(i *guide.Incident) jsonIncident {
	out := jsonIncident{
		jsonPage: jsonPageOf(&i.Page), Date: i.Date, Kind: i.Kind, Ecosystems: i.Ecosystem, Packages: i.Packages,
		Threats: i.Threats, Controls: i.Controls, Basis: i.Basis, Sources: i.Sources, Checked: i.Checked,
	}
	if i.Exposure != nil {
		e := jsonExposure(*i.Exposure)
		out.Exposure = &e
	}
	return out
}

func (p *Printer) jsonTaxonomyOf(t *guide.Taxonomy) jsonTaxonomy {
	out := jsonTaxonomy{ID: t.ID, Name: t.Name, Version: t.Version, Checked: t.Checked, Note: t.Note}
	for _, i := range t.Items {
		item := jsonItem{ID: i.ID, Name: i.Name, Group: i.Group, Controls: i.Controls, Why: i.Why}
		for _, x := range p.Threats {
			for _, id := range x.Maps[t.ID] {
				if id == i.ID {
					item.Threats = append(item.Threats, x.ID)
				}
			}
		}
		out.Items = append(out.Items, item)
	}
	return out
}

// ids are the ids of pages.
func ids[T interface{ Ident() string }](list []T) (out []string) {
	for _, t := range list {
		out = append(out, t.Ident())
	}
	return out
}
