package all

// Drilled says which drills tell from outside whether a control is held.
type Drilled struct {
	// Threats are those whose attacks it stands against. One that does harm says
	// that it is not held.
	Threats []string
	// Enough says that it is held when none of them does. Otherwise there is
	// more to it than the attacks meet.
	Enough bool
}

// Drills returns, by the control's id, the drills that speak for it. A threat's
// page names many controls that make it smaller; here are those without which
// the attacks do harm.
func Drills() map[string]Drilled {
	return map[string]Drilled{
		"immutable-versions":   {[]string{"version-overwrite", "upstream-tag-rewrite"}, true},
		"release-close":        {[]string{"release-append"}, true},
		"retired-names":        {[]string{"name-reuse"}, true},
		"deletion-limits":      {[]string{"unpublish-removal"}, true},
		"artifact-metadata":    {[]string{"manifest-confusion"}, true},
		"strict-archive":       {[]string{"archive-path-traversal", "archive-parser-differential"}, true},
		"bounded-archive":      {[]string{"decompression-bomb"}, true},
		"scoped-tokens":        {[]string{"token-scope-escalation"}, true},
		"name-canonical":       {[]string{"separator-confusion", "homoglyph-name"}, true},
		"upstream-separation":  {[]string{"dependency-confusion"}, true},
		"output-sanitising":    {[]string{"terminal-escape"}, false},
		"fail-closed-gates":    {[]string{"gate-fail-open"}, true},
		"upload-digests":       {[]string{"storage-cdn-tamper"}, false},
		"closed-packages":      {[]string{"dormant-account-takeover"}, true},
		"authorization-matrix": {[]string{"registry-authz-bug"}, false},
		"safe-processing":      {[]string{"registry-ingest-rce"}, false},
		"session-hygiene":      {[]string{"credential-cache-leak"}, false},
		"web-isolation":        {[]string{"stored-xss"}, false},
	}
}
