package eventbody

import (
	"bytes"
	"errors"

	"github.com/voxparse/voxparse/api"
)

// Metadata returns metadata in the form in which every event echoes it: no
// white space, numbers as ECMAScript prints them, strings escaped as
// JSON.stringify does, keys that are array indices first and ascending, all
// others in the order given. JSON.stringify(JSON.parse(m)) == m holds for what
// it returns, and Metadata returns that unchanged.
//
// Empty metadata is none: it returns nil. Metadata that cannot be echoed
// faithfully is refused with an *api.Error of code api.Invalid that names the
// key and the fix: not an object, more than api.MaxMetadata bytes as sent or in
// canonical form, deeper than 64 levels, a number that a double does not hold,
// minus zero, half a surrogate pair, a repeated key, or the key __proto__.
func Metadata(metadata []byte) ([]byte, error) {
	if len(metadata) == 0 {
		return nil, nil
	}
	if n := len(metadata); n > api.MaxMetadata {
		return nil, api.Errorf(api.Invalid, "metadata has %d bytes, at most %d are kept; send a key of your own and look the rest up by it", n, api.MaxMetadata)
	}
	if start := bytes.TrimLeft(metadata, " \t\r\n"); len(start) == 0 || start[0] != '{' {
		return nil, api.Errorf(api.Invalid, `metadata is not a JSON object; send one, for example {"ticket_id":"T-1234"}`)
	}
	out, err := canonical(metadata, "metadata", true)
	if err != nil {
		var f *fault
		if errors.As(err, &f) && f.path == "metadata" {
			return nil, api.Errorf(api.Invalid, "metadata %s", f.reason)
		}
		return nil, api.Errorf(api.Invalid, "%v", err)
	}
	if n := len(out); n > api.MaxMetadata {
		return nil, api.Errorf(api.Invalid, "metadata has %d bytes once its numbers are written out, at most %d are kept; send large numbers as strings", n, api.MaxMetadata)
	}
	return out, nil
}

// Canonical returns the JSON text body as JSON.stringify(JSON.parse(body))
// writes it. Every body that this package makes is returned unchanged; one that
// was parsed and written again on its way may come back as it was.
func Canonical(body []byte) ([]byte, error) { return canonical(body, "body", false) }
