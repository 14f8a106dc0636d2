package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// metadata makes one JSON object of what --metadata gave: a whole object, a
// file of one (@call.json), or k=v pairs in their order.
func metadata(given []string) (json.RawMessage, error) {
	var b bytes.Buffer
	seen := map[string]bool{}
	for _, g := range given {
		g = strings.TrimSpace(g)
		if path, ok := strings.CutPrefix(g, "@"); ok {
			data, err := os.ReadFile(path)
			if err != nil {
				return nil, usagef("--metadata %s: %v", g, errors.Unwrap(err))
			}
			g = strings.TrimSpace(string(data))
		}
		if strings.HasPrefix(g, "{") {
			if len(given) > 1 {
				return nil, usagef("--metadata takes one JSON object, or any number of k=v, not both")
			}
			return object(g)
		}
		k, v, ok := strings.Cut(g, "=")
		if !ok || k == "" {
			return nil, usagef("--metadata %s: want a JSON object or k=v", g)
		}
		if seen[k] {
			return nil, usagef("--metadata gives %s twice", k)
		}
		seen[k] = true
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		for i, s := range []string{k, v} {
			if i == 1 {
				b.WriteByte(':')
			}
			if err := writeString(&b, s); err != nil {
				return nil, err
			}
		}
	}
	if b.Len() == 0 {
		return nil, nil
	}
	return limited([]byte("{" + b.String() + "}"))
}

func writeString(b *bytes.Buffer, s string) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return fmt.Errorf("encode %q: %w", s, err)
	}
	b.Truncate(b.Len() - 1) // the line end
	return nil
}

// object checks that s is one JSON object; the daemon checks it closer.
func object(s string) (json.RawMessage, error) {
	dec := json.NewDecoder(strings.NewReader(s))
	var v map[string]json.RawMessage
	err := dec.Decode(&v)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more behind the object")
		}
	}
	if err != nil {
		return nil, usagef("--metadata: not a JSON object: %v", err)
	}
	return limited([]byte(s))
}

func limited(data []byte) (json.RawMessage, error) {
	if len(data) > api.MaxMetadata {
		return nil, usagef("--metadata has %d bytes, and the limit is %d", len(data), api.MaxMetadata)
	}
	return data, nil
}
