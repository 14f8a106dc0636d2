// Package openapi holds the description of the HTTP API as the daemon serves
// it: as JSON for programs and as a page for people. Both are made from
// docs/reference/openapi.yaml, which is kept by hand; so is
// docs/reference/api.md. To make them again: go test ./internal/openapi -update.
package openapi
