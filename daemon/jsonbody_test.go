package daemon

import (
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
)

func TestWhatIsWrongWithABodyIsSaidInItsOwnWords(t *testing.T) {
	tests := []struct{ body, want string }{
		{`{"since":"yesterday"}`, `got "yesterday", want a time such as "2026-05-03T12:00:00Z"`},
		{`{"since":"2026-13-01T00:00:00Z"}`, `got "2026-13-01T00:00:00Z", want a time such as`},
		{`{"since":5}`, `want a time such as`},
		{`{"states":"failed"}`, `states: got a JSON string, want a list`},
		{`{"states":[1]}`, `states: got a JSON number, want a string`},
		{`[]`, `got a JSON array, want an object`},
		{`{"sinze":1}`, `unknown field "sinze"`},
		{`{"since"`, `not JSON: it ends too early`},
		{`{since:1}`, `not JSON: invalid character 's'`},
		{`{} {}`, `holds more than one JSON value`},
	}
	for _, tt := range tests {
		t.Run(tt.body, func(t *testing.T) {
			var r api.ReplayRequest
			err := strictJSON([]byte(tt.body), &r, "the body")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want …%s…", err, tt.want)
			}
			for _, ours := range []string{"json:", "Go ", "parsing time", "api.", "Unmarshal"} {
				if err != nil && strings.Contains(err.Error(), ours) {
					t.Errorf("got %v, which speaks of how it is written (%s)", err, ours)
				}
			}
		})
	}
}
