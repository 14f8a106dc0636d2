package main

import (
	"encoding/json"
	"testing"

	"github.com/voxparse/voxparse/api"
)

func FuzzMetadata(f *testing.F) {
	for _, s := range []string{"a=b", `{"a":1}`, "ü=<>&", "=", "a==", "{", `{"a":1}{`, "a=\x00\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 0 && s[0] == '@' {
			return // names a file
		}
		got, err := metadata([]string{s})
		if err != nil {
			if exitCode(err) != exitUsage {
				t.Errorf("%q: got %v, want a usage error", s, err)
			}
			return
		}
		var v map[string]any
		if err := json.Unmarshal(got, &v); err != nil || len(got) > api.MaxMetadata {
			t.Errorf("%q: got %s (%v), want one object within the limit", s, got, err)
		}
	})
}
