package httpapi

import (
	"net/http"

	"github.com/voxparse/voxparse/internal/openapi"
)

// showOpenAPI serves GET /openapi.json, the description of this API.
func showOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	writeBytes(w, http.StatusOK, "application/json", openapi.JSON)
	return nil
}

// showDocs serves GET /docs, the same as a page. It may load nothing and run
// nothing, and no other page may frame it.
func showDocs(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	writeBytes(w, http.StatusOK, "text/html; charset=utf-8", openapi.Page)
	return nil
}
