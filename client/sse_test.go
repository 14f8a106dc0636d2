package client

import (
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadEvents(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "data: a\n\n", "[|a]"},
		{"named with id", "event: status\nid: 7\ndata: a\n\n", "[7status|a]"},
		{"several lines", "data: a\ndata:b\n\n", "[|a\nb]"},
		{"CRLF and CR", "data: a\r\n\r\ndata: b\r\r", "[|a][|b]"},
		{"comments and unknown fields", ": ping\nretry: 5\nfoo: x\ndata: a\n\n: ping\n\n", "[|a]"},
		{"unfinished", "data: a\n\ndata: b", "[|a]"},
		{"id stays", "id: 1\ndata: a\n\ndata: b\n\n", "[1|a][1|b]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got strings.Builder
			err := readEvents(iotest.OneByteReader(strings.NewReader(tt.in)), func(m message) error {
				fmt.Fprintf(&got, "[%s%s|%s]", m.id, m.event, m.data)
				return nil
			})
			if err != nil || got.String() != tt.want {
				t.Errorf("got %s, %v, want %s", got.String(), err, tt.want)
			}
		})
	}
}

func FuzzReadEvents(f *testing.F) {
	for _, s := range []string{"data: a\n\n", "id: 1\nevent: x\r\ndata: {}\r\n\r\n", ":\n\n", "data\n\n", "\r\r\r", "data: \x00\n\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var whole, parts int
		errWhole := readEvents(strings.NewReader(string(data)), func(m message) error { whole += len(m.data) + 1; return nil })
		errParts := readEvents(iotest.OneByteReader(strings.NewReader(string(data))), func(m message) error { parts += len(m.data) + 1; return nil })
		if whole != parts || (errWhole == nil) != (errParts == nil) {
			t.Errorf("got %d, %v at once and %d, %v bytewise, want the same", whole, errWhole, parts, errParts)
		}
	})
}
