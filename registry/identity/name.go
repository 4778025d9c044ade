package identity

// ValidName reports whether a user, an organisation or a team can be called so:
// 2 to 39 lower-case letters, digits and single hyphens inside.
func ValidName(name string) bool { return checkUser(name) == nil }
