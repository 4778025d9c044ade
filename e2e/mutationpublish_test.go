package e2e

// publishCuts are lines without which somebody publishes who may not, with what
// was stolen from a build job, a machine or a person.
func publishCuts() []mutation {
	const hardened, exchange, token = "trusted-publishing-hardened", "registry/trusted/exchange.go", "registry/trusted/token.go"
	return []mutation{
		{hardened, "oidc-token-replay", exchange, "if !fresh && !r.Without(hardened) {", `if !fresh && r.Audience == "" {`},
		{hardened, "oidc-token-replay", token, "err != nil && !r.Without(hardened) {\n\t\treturn nil, err\n\t}\n\tif err := s.timely", "err != nil && audience == \"\" {\n\t\treturn nil, err\n\t}\n\tif err := s.timely"},
		{hardened, "oidc-token-replay", "registry/trusted/keys.go", "if payload, err := jws.Verify(k.Key); err == nil {", "if payload := jws.UnsafePayloadWithoutVerification(); payload != nil {"},
		{hardened, "ci-untrusted-trigger", "registry/trusted/match.go", `p.trigger != "" && !s.without(hardened)`, `p.trigger == "nothing"`},
		{"trusted-publishing", "ci-untrusted-trigger", "registry/trusted/match.go", "if name == factRef && refFits(want, got) ||", "if name == factRef ||"},
		{"external-id-pin", "forge-identity-resurrection", "registry/trusted/match.go", "!= want && !j.without(pinning)", "!= want && len(want) > 99"},
		{"staged-publish", "oidc-publish-theft", "registry/publish/stage.go", "if e.approval != nil || !e.draft.Publishes() ||", "if e.approval == nil ||"},
		{"two-person-publish", "maintainer-social-engineering", "registry/publish/approve.go", `if sameActor(s, actor) && !d.without("two-person-publish") {`, `if sameActor(s, actor) && s.ID == "" {`},
		{"publish-notify", "maintainer-social-engineering", "registry/event/kinds.go", `Title: "A release was published", Tell: Owners`, `Title: "A release was published", Tell: Nobody`},
		{"trusted-publishing-only", "provenance-downgrade", "registry/identity/caller.go", `r.Policy.TrustedOnly && c.publisher == ""`, `r.Policy.TrustedOnly && c.publisher == "nobody"`},
		{"secret-scan-at-publish", "secret-in-package", "registry/publish/secrets.go", "if d.Leaked == nil ||", "if d.Leaked != nil ||"},
		{"token-leak-reports", "leaked-long-lived-token", "registry/leak/leak.go", "found, err := r.Kill(ctx, it.Token, where(it, from))", "found, err := len(where(it, from)) == 0, error(nil)"},
		{"token-lifetime", "leaked-long-lived-token", "registry/identity/revoke.go", "now.Add(-IdleTTL)", "now.Add(-100*IdleTTL)"},
		{"reviewed-adoption", "orphan-adoption", "registry/people/transfer.go", `"adopt "+user, 10*24*time.Hour, 3,`, `"adopt "+user, 10*24*time.Hour, 300,`},
		{"transfer-policy", "package-sale-or-coercion", "registry/web/packages.go", "Mark: people.Mark(s.Package, r)", `Mark: ""`},
	}
}
