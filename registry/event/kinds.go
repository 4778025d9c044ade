package event

// Kinds are all events, by what they are about.
var Kinds = []Kind{
	// Accounts.
	{ID: "user.add", Title: "An account was made", Tell: Nobody, Class: 3001, Activity: 1, Severity: 1},
	{ID: "user.enrolment", Title: "A new enrolment link was made for your account", Tell: Account, Class: 3001, Activity: 99, Severity: 3},
	{ID: "user.enrol", Title: "Your account was taken into use", Tell: Account, Class: 3001, Activity: 2, Severity: 1},
	{ID: "user.disable", Title: "Your account was closed by an administrator", Tell: Account, Class: 3001, Activity: 5, Severity: 3},
	{ID: "user.enable", Title: "Your account was opened again", Tell: Account, Class: 3001, Activity: 2, Severity: 2},
	{ID: "user.freeze", Title: "Your account is frozen until you prove your e-mail address again", Tell: Account, Class: 3001, Activity: 9, Severity: 3},
	{ID: "user.unfreeze", Title: "Your account is not frozen any more", Tell: Account, Class: 3001, Activity: 99, Severity: 2},
	{ID: "user.export", Title: "Everything kept about you was exported", Tell: Account, Class: 6003, Activity: 2, Severity: 2},
	{ID: "user.erase", Title: "Your account was erased", Tell: Account, Class: 3001, Activity: 6, Severity: 3},
	{ID: "user.role", Title: "Your role in the repository changed", Tell: Account, Class: 3005, Activity: 1, Severity: 3},
	{ID: "email.verify", Title: "An e-mail address was proven", Tell: Nobody, Class: 3001, Activity: 99, Severity: 1},
	{ID: "email.ask", Title: "A change of your e-mail address was asked for", Tell: Account, Class: 3001, Activity: 99, Severity: 3},
	{ID: "email.change", Title: "Your e-mail address was changed", Tell: Account, Class: 3001, Activity: 99, Severity: 3},

	// Signing in.
	{ID: "signin.ok", Title: "You signed in", Tell: Nobody, Class: 3002, Activity: 1, Severity: 1},
	{ID: "signin.device", Title: "A sign-in from a device that has not been used before", Tell: Account, Class: 3002, Activity: 1, Severity: 2},
	{ID: "signin.refuse", Title: "A sign-in was refused", Tell: Nobody, Class: 3002, Activity: 1, Severity: 2},
	{ID: "signin.slow", Title: "Many failed sign-ins; guessing is being slowed down", Tell: Account, Class: 3002, Activity: 1, Severity: 3,
		Advice: "You can still sign in with a passkey, or from a device that you have used before."},
	{ID: "session.end", Title: "A session was ended", Tell: Nobody, Class: 3002, Activity: 2, Severity: 1},
	{ID: "session.end-all", Title: "All other sessions were ended", Tell: Account, Class: 3002, Activity: 2, Severity: 2},
	{ID: "stepup.ok", Title: "A passkey confirmed a sensitive action", Tell: Nobody, Class: 3003, Activity: 1, Severity: 1},

	// Factors.
	{ID: "password.set", Title: "Your password was set", Tell: Account, Class: 3001, Activity: 3, Severity: 2},
	{ID: "password.remove", Title: "Your password was removed; passkeys alone open the account", Tell: Account, Class: 3001, Activity: 4, Severity: 2},
	{ID: "password.breached", Title: "Your password stands in a list of stolen passwords", Tell: Account, Class: 3001, Activity: 99, Severity: 3,
		Advice: "Choose another one now, here and wherever else you use it."},
	{ID: "passkey.add", Title: "A passkey was added", Tell: Account, Class: 3001, Activity: 10, Severity: 2},
	{ID: "passkey.ask-remove", Title: "The removal of a passkey was asked for", Tell: Account, Class: 3001, Activity: 99, Severity: 3},
	{ID: "passkey.remove", Title: "A passkey was removed", Tell: Account, Class: 3001, Activity: 11, Severity: 3},
	{ID: "totp.add", Title: "An authenticator app was added", Tell: Account, Class: 3001, Activity: 10, Severity: 2},
	{ID: "totp.ask-remove", Title: "The removal of the authenticator app was asked for", Tell: Account, Class: 3001, Activity: 99, Severity: 3},
	{ID: "totp.remove", Title: "The authenticator app was removed", Tell: Account, Class: 3001, Activity: 11, Severity: 3},
	{ID: "recovery.codes", Title: "New recovery codes were made; the old ones are void", Tell: Account, Class: 3001, Activity: 99, Severity: 2},
	{ID: "recovery.code-used", Title: "A recovery code was used", Tell: Account, Class: 3002, Activity: 1, Severity: 3},
	{ID: "recovery.ask", Title: "The recovery of your account was asked for", Tell: Account, Class: 3001, Activity: 99, Severity: 4},
	{ID: "recovery.vouch", Title: "An owner of your organisation vouched for the recovery of your account", Tell: Account, Class: 3001, Activity: 99, Severity: 3},
	{ID: "recovery.done", Title: "Your account was recovered", Tell: Account, Class: 3001, Activity: 99, Severity: 4},
	{ID: "change.cancel", Title: "A change that was waiting was cancelled", Tell: Both, Class: 3001, Activity: 99, Severity: 2},
	{ID: "change.fail", Title: "A change that was waiting could not be made", Tell: Both, Class: 3001, Activity: 99, Severity: 2},

	// Tokens.
	{ID: "token.add", Title: "An access token was made", Tell: Account, Class: 3005, Activity: 1, Severity: 2},
	{ID: "token.revoke", Title: "An access token was revoked", Tell: Account, Class: 3005, Activity: 2, Severity: 2},
	{ID: "token.unused", Title: "An access token that nobody used was ended", Tell: Account, Class: 3005, Activity: 2, Severity: 1},
	{ID: "token.leak", Title: "One of your access tokens was found in public and is dead now", Tell: Account, Class: 3005, Activity: 2, Severity: 4,
		Advice: "Find out what was done with it: the journal of your account lists its uses. Then make a new one, or use trusted publishing, which needs none."},
	{ID: "login.ask", Title: "A program asked to act for you", Tell: Nobody, Class: 3003, Activity: 1, Severity: 1},
	{ID: "login.allow", Title: "You let a program act for you", Tell: Account, Class: 3003, Activity: 1, Severity: 2},

	// Packages. The first six are the actions of a draft.
	{ID: "publish", Title: "A release was published", Tell: Owners, Class: 6001, Activity: 1, Severity: 1},
	{ID: "tag", Title: "A tag was moved", Tell: Owners, Class: 6001, Activity: 3, Severity: 2},
	{ID: "yank", Title: "A release was yanked, deprecated, or brought back", Tell: Owners, Class: 6001, Activity: 3, Severity: 2},
	{ID: "delete", Title: "A release was deleted", Tell: Owners, Class: 6001, Activity: 4, Severity: 3},
	{ID: "owner", Title: "The owners of a package changed", Tell: Owners, Class: 3005, Activity: 99, Severity: 3},
	{ID: "policy", Title: "How a package may be published changed", Tell: Owners, Class: 6001, Activity: 3, Severity: 3},
	{ID: "owner.remove", Title: "Somebody is not an owner any more", Tell: Both, Class: 3005, Activity: 2, Severity: 3},
	{ID: "owner.ask-remove", Title: "The removal of an owner was asked for", Tell: Both, Class: 3005, Activity: 99, Severity: 3},
	{ID: "policy.ask", Title: "Weaker rules for publishing were asked for", Tell: Owners, Class: 6001, Activity: 99, Severity: 3},
	{ID: "transfer.ask", Title: "The transfer of a package was asked for", Tell: Both, Class: 3005, Activity: 99, Severity: 3},
	{ID: "transfer.done", Title: "A package has a new owner", Tell: Both, Class: 3005, Activity: 1, Severity: 3},
	{ID: "adopt.ask", Title: "Somebody asked to adopt a package that nobody looks after", Tell: Owners, Class: 3005, Activity: 99, Severity: 3},
	{ID: "invite.make", Title: "You were invited", Tell: Account, Class: 3005, Activity: 99, Severity: 2},
	{ID: "invite.accept", Title: "An invitation was accepted", Tell: Both, Class: 3005, Activity: 1, Severity: 2},
	{ID: "invite.end", Title: "An invitation was declined or withdrawn", Tell: Nobody, Class: 3005, Activity: 99, Severity: 1},
	{ID: "stage.add", Title: "A release waits for somebody's approval", Tell: Owners, Class: 6001, Activity: 1, Severity: 2},
	{ID: "stage.approve", Title: "A release was approved", Tell: Owners, Class: 6001, Activity: 3, Severity: 2},
	{ID: "stage.reject", Title: "A release was rejected", Tell: Owners, Class: 6001, Activity: 4, Severity: 2},
	{ID: "publisher.add", Title: "A trusted publisher was added", Tell: Both, Class: 3005, Activity: 1, Severity: 3},
	{ID: "publisher.remove", Title: "A trusted publisher was removed", Tell: Both, Class: 3005, Activity: 2, Severity: 2},
	{ID: "publisher.exchange", Title: "A build job got an upload token", Tell: Nobody, Class: 3002, Activity: 1, Severity: 1},
	{ID: "publisher.refuse", Title: "A build job was refused an upload token", Tell: Nobody, Class: 3002, Activity: 1, Severity: 2},

	// Organisations.
	{ID: "org.add", Title: "An organisation was made", Tell: Owners, Class: 3006, Activity: 1, Severity: 1},
	{ID: "org.set", Title: "The settings of an organisation changed", Tell: Owners, Class: 3006, Activity: 99, Severity: 2},
	{ID: "org.remove-member", Title: "Somebody left an organisation", Tell: Both, Class: 3006, Activity: 4, Severity: 2},
	{ID: "org.team", Title: "A team of an organisation changed", Tell: Owners, Class: 3006, Activity: 99, Severity: 2},
	{ID: "org.namespace", Title: "The namespaces of an organisation changed", Tell: Owners, Class: 3006, Activity: 99, Severity: 2},

	// The repository's own operators.
	{ID: "glass.ask", Title: "An operator asked to break the glass", Tell: Operators, Class: 3005, Activity: 99, Severity: 4},
	{ID: "glass.agree", Title: "Two operators broke the glass", Tell: Both, Class: 3005, Activity: 1, Severity: 4},
	{ID: "glass.use", Title: "An operator acted for your account", Tell: Account, Class: 3005, Activity: 1, Severity: 4},
	{ID: "domain.lapse", Title: "The domain of an e-mail address lapsed", Tell: Operators, Class: 3001, Activity: 99, Severity: 3},
}
