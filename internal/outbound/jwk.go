package outbound

// IsPrivateMember reports whether the member of a JWK holds a secret (RFC 7518
// §6.2.2, §6.3.2 and §6.4.1, and "priv" of RFC 9964). A key that has one must not be
// published, and is compromised if it was.
func IsPrivateMember(name string) bool {
	switch name {
	case "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv":
		return true
	}
	return false
}
