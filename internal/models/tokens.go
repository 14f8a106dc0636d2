package models

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
)

// moonshineTokens is the token table of both Moonshine models: one line a
// token, its bytes in base64 and its number.
//
//go:embed data/moonshine-tokens.txt.gz
var moonshineTokens []byte

const tokensSize = 506_922

func tokensFile() File {
	return File{
		Role: RoleTokens, Name: "tokens.txt", Size: tokensSize,
		SHA256:  "0547fb182949fbf8ae2ae046de2c3da652c9c6b7e87b25287bd53ddc32ef10a6",
		Sources: []Source{{builtin: unpackTokens}},
	}
}

func unpackTokens() ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(moonshineTokens))
	if err != nil {
		return nil, fmt.Errorf("unpack the token table: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(z, tokensSize+1))
	if err != nil {
		return nil, fmt.Errorf("unpack the token table: %w", err)
	}
	return b, nil
}
