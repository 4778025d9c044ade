package all

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bonded.dev/prove/audit"
)

// Told returns, by the control's id, what a repository's own document about its
// security has to say in favour of it: a sentence, or nothing. See
// docs/formats/security.md.
func Told() map[string]func(*audit.Security) string {
	all := toldOfAccounts()
	maps.Copy(all, toldOfReleases())
	return all
}

func toldOfAccounts() map[string]func(*audit.Security) string {
	return map[string]func(*audit.Security) string{
		"brute-force-limits": func(s *audit.Security) string {
			return list("guesses are bounded for each %s", s.Accounts.GuessesBounded, "account")
		},
		"email-verified": func(s *audit.Security) string {
			return when(s.Accounts.AddressProof, "an address counts after a link to it was opened")
		},
		"mfa-totp": func(s *audit.Security) string {
			return when(len(s.Accounts.Writers) > 0 && !slices.Contains(s.Accounts.Factors, "sms"), "factors are "+words(s.Accounts.Factors)+", and none by text message")
		},
		"recovery-policy": func(s *audit.Security) string {
			r := s.Accounts.Recovery
			return when(r.Policy != "" && r.Wait > 0, fmt.Sprintf("the policy is %s, recovery waits %s", r.Policy, audit.Hours(r.Wait)))
		},
		"security-notify": func(s *audit.Security) string {
			return list("owners are told by %s", s.Accounts.Notices, "mail")
		},
		"session-hygiene": func(s *audit.Security) string {
			x := s.Accounts.Session
			return when(x.Idle > 0 && x.Whole > 0, fmt.Sprintf("a session ends after %s unused and %s at most", audit.Hours(x.Idle), audit.Hours(x.Whole)))
		},
		"breached-passwords": func(s *audit.Security) string {
			return list("passwords are looked up in: %s", s.Accounts.BreachedPasswords, "")
		},
		"lapsed-domains": func(s *audit.Security) string {
			return list("domains of addresses are looked at daily by %s", s.Accounts.LapsedDomains, "")
		},
		"mfa-required-critical": everyWriter,
		"mfa-required-all":      everyWriter,
		"mfa-webauthn": func(s *audit.Security) string {
			return list("factors are %s", s.Accounts.Factors, "webauthn")
		},
		"new-device-login": func(s *audit.Security) string {
			return when(s.Accounts.NewDevice == "mail" || s.Accounts.NewDevice == "refused", "a sign-in with codes from a strange browser: "+s.Accounts.NewDevice)
		},
		"mfa-phishing-resistant": func(s *audit.Security) string {
			return when(slices.Equal(s.Accounts.TokenMakers, []string{"webauthn"}), "whoever makes a token shows a passkey or security key")
		},
		"passkeys": func(s *audit.Security) string {
			return when(s.Accounts.Passwordless, "an account can be without a password")
		},
		"step-up": func(s *audit.Security) string {
			x := s.Accounts.StepUp
			return when(len(x.Factors) > 0 && x.Seconds > 0, fmt.Sprintf("changes of authority take %s of the last %s", words(x.Factors), audit.Hours(x.Seconds)))
		},
	}
}

func toldOfReleases() map[string]func(*audit.Security) string {
	return map[string]func(*audit.Security) string{
		"scoped-tokens": func(s *audit.Security) string {
			return list("a token can be bound to %s", s.Tokens.Limits, "package")
		},
		"token-prefix": func(s *audit.Security) string {
			return when(s.Tokens.Prefix != "" && s.Tokens.Checksum != "", "tokens begin with "+s.Tokens.Prefix+" and end with a checksum, "+s.Tokens.Checksum)
		},
		"token-lifetime": func(s *audit.Security) string {
			return when(s.Tokens.Longest > 0, fmt.Sprintf("a token lives %s at most, and %s unused", audit.Hours(s.Tokens.Longest), audit.Hours(s.Tokens.Unused)))
		},
		"roles": func(s *audit.Security) string {
			return when(len(s.Publishing.Rights) > 1, "rights that are given one by one: "+words(s.Publishing.Rights))
		},
		"trusted-publishing": func(s *audit.Security) string {
			return when(s.Jobs != nil && s.Jobs.Audience != "", "build jobs exchange their identity")
		},
		"trusted-publishing-hardened": func(s *audit.Security) string {
			return when(s.Jobs != nil && s.Jobs.Once && len(s.Jobs.Triggers) > 0, "an identity is taken once, for one audience, and not from a job that strangers can start")
		},
		"trusted-publishing-only": func(s *audit.Security) string {
			return when(s.Jobs != nil && s.Jobs.Only, "a package can refuse whatever is no build job")
		},
		"token-leak-reports": func(s *audit.Security) string {
			return when(s.Tokens.LeakReports != "", "leaked tokens are reported to "+s.Tokens.LeakReports)
		},
		"staged-publish":     secondPerson,
		"two-person-publish": secondPerson,
		"credential-change-hold": func(s *audit.Security) string {
			return when(s.Publishing.Wait > 0, "what makes a package weaker waits "+audit.Hours(s.Publishing.Wait))
		},
	}
}

func everyWriter(s *audit.Security) string {
	return list("every account shows one of these before it writes: %s", s.Accounts.Writers, "")
}

func secondPerson(s *audit.Security) string {
	return when(s.Publishing.TwoPerson != "", "releases that wait for somebody else: "+s.Publishing.TwoPerson)
}

func when(so bool, says string) string {
	if !so {
		return ""
	}
	return says
}

// list is a sentence about several things, when there are any and the one that
// matters is among them.
func list(format string, of []string, needs string) string {
	return when(len(of) > 0 && (needs == "" || slices.Contains(of, needs)), fmt.Sprintf(format, words(of)))
}

func words(of []string) string { return strings.Join(of, ", ") }
