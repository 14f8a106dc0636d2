package webhook

// What the black-box tests share with the others.
const (
	SecretA = secretA
	SecretB = secretB
	SecretC = secretC
)

// What the black-box tests share with the others.
var (
	SampleMeta = sampleMeta
	SignedAt   = signedAt
)
