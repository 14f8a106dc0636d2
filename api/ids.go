package api

import "strings"

// Prefixes of the ids: prefix + ULID, lower case. SecretPrefix begins every
// webhook secret; 64 hex characters follow.
const (
	JobPrefix      = "job_"
	WebhookPrefix  = "whk_"
	EventPrefix    = "evt_"
	DeliveryPrefix = "dlv_" // one per attempt; a delivery bears an id of this kind too
	FolderPrefix   = "wat_"
	SecretPrefix   = "whsec_"
)

// crockford is the alphabet of a ULID, lower case.
const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

// ValidID reports whether id is prefix followed by a lower-case ULID.
func ValidID(prefix, id string) bool {
	u, ok := strings.CutPrefix(id, prefix)
	if !ok || len(u) != 26 || u[0] > '7' {
		return false
	}
	for i := range len(u) {
		if strings.IndexByte(crockford, u[i]) < 0 {
			return false
		}
	}
	return true
}
