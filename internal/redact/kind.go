package redact

import "strings"

// Kind is a kind of personal or payment data, as Result.Redactions counts it.
type Kind string

// The kinds that are found.
const (
	CardNumber   Kind = "card_number"
	SecurityCode Kind = "card_security_code" // CVV, CVC
	CardExpiry   Kind = "card_expiry"
	SSN          Kind = "ssn"
	Phone        Kind = "phone_number"
	Email        Kind = "email_address"
)

// Kinds are all kinds, in the order in which they are looked for: what one
// kind has claimed, a later one does not.
var Kinds = []Kind{Email, CardNumber, SSN, Phone, SecurityCode, CardExpiry}

// Mask returns what stands in the transcript for masked data of kind k:
// "[CARD_NUMBER]".
func (k Kind) Mask() string { return "[" + strings.ToUpper(string(k)) + "]" }
