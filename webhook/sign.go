package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
)

// The headers of every request. The last three are those of Standard Webhooks.
const (
	HeaderSignature         = "X-VoxParse-Signature"          // lower-case hex HMAC-SHA256 of timestamp + "." + body
	HeaderSignaturePrevious = "X-VoxParse-Signature-Previous" // the same by the old secret, during a rotation while it is not the one in use
	HeaderSignatureNext     = "X-VoxParse-Signature-Next"     // the same by the new secret, during a rotation until the receiver accepts it
	HeaderTimestamp         = "X-VoxParse-Timestamp"          // ISO 8601 UTC, of this attempt's signing
	HeaderEventType         = "X-VoxParse-Event-Type"
	HeaderEventID           = "X-VoxParse-Event-Id"    // the same on every attempt
	HeaderDeliveryID        = "X-VoxParse-Delivery-Id" // new on every attempt
	HeaderAttempt           = "X-VoxParse-Attempt"     // 1 to 4
	HeaderStandardID        = "webhook-id"             // the event id
	HeaderStandardTimestamp = "webhook-timestamp"      // unix seconds
	HeaderStandardSignature = "webhook-signature"      // "v1," + base64, one for each valid secret
)

// timestampLayout is how times are written in bodies and headers: UTC, to the
// second, so that both signature schemes sign the same moment.
const timestampLayout = "2006-01-02T15:04:05Z"

// Signing is what the headers of one attempt are made from.
type Signing struct {
	Secret    string    // the one in use: whsec_ + 64 hex characters
	Previous  string    // the old secret, during a rotation when the new one is in use; else ""
	Next      string    // the new secret, during a rotation when the old one is in use; else ""
	Now       time.Time // the time of this attempt
	EventID   string
	EventType string
	AttemptID string // dlv_…, new for each attempt
	Attempt   int    // from 1
}

// Sign sets every header of an attempt to post body. It fails, without setting
// any, when a secret is not one that NewSecret could have made or that is
// otherwise base64 after its prefix.
func Sign(h http.Header, body []byte, s Signing) error {
	unix := strconv.FormatInt(s.Now.Unix(), 10)
	standard, err := standardSignature(s.Secret, s.EventID, unix, body)
	if err != nil {
		return fmt.Errorf("sign event %s: %w", s.EventID, err)
	}
	timestamp := s.Now.UTC().Format(timestampLayout)
	others := []struct{ header, secret string }{{HeaderSignaturePrevious, s.Previous}, {HeaderSignatureNext, s.Next}}
	for _, o := range others {
		if o.secret == "" {
			continue
		}
		entry, err := standardSignature(o.secret, s.EventID, unix, body)
		if err != nil {
			return fmt.Errorf("sign event %s by the other secret: %w", s.EventID, err)
		}
		standard += " " + entry
	}
	h.Set(HeaderSignature, signature(s.Secret, timestamp, body))
	for _, o := range others {
		h.Del(o.header)
		if o.secret != "" {
			h.Set(o.header, signature(o.secret, timestamp, body))
		}
	}
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderEventType, s.EventType)
	h.Set(HeaderEventID, s.EventID)
	h.Set(HeaderDeliveryID, s.AttemptID)
	h.Set(HeaderAttempt, strconv.Itoa(s.Attempt))
	h.Set(HeaderStandardID, s.EventID)
	h.Set(HeaderStandardTimestamp, unix)
	h.Set(HeaderStandardSignature, standard)
	return nil
}

// NewSecret returns a fresh secret: api.SecretPrefix and 64 hex characters, 256
// bits of chance. 64 hex characters are also base64, as Standard Webhooks wants.
func NewSecret() (string, error) {
	var b [32]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("make a webhook secret: %w", err)
	}
	return api.SecretPrefix + hex.EncodeToString(b[:]), nil
}

// signature returns the X-VoxParse-Signature of body: its key is the whole
// secret, prefix and all, as UTF-8.
func signature(secret, timestamp string, body []byte) string {
	return hex.EncodeToString(mac([]byte(secret), timestamp+".", body))
}

// standardSignature returns one entry of webhook-signature. Its key is what the
// part of the secret after the prefix is base64 of.
func standardSignature(secret, id, unix string, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, api.SecretPrefix))
	// The decoder would skip line ends, which are part of the other scheme's key.
	if err != nil || len(key) == 0 || strings.ContainsAny(secret, "\r\n") {
		return "", api.Errorf(api.Invalid, "the secret is not %s and 64 hex characters; rotate it to have a new one", api.SecretPrefix)
	}
	return "v1," + base64.StdEncoding.EncodeToString(mac(key, id+"."+unix+".", body)), nil
}

func mac(key []byte, prefix string, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(prefix))
	h.Write(body)
	return h.Sum(nil)
}
