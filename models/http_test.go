package models

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRedirectFromHTTPSToHTTPIsRefused(t *testing.T) {
	plain := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the plain server was asked") })
	srv := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer srv.Close()
	client := srv.Client()
	client.CheckRedirect = downloader().CheckRedirect
	dir := t.TempDir()
	define(t, dir, payload(10), map[string]any{"url": srv.URL + "/x"})
	err := quick(dir, Options{Client: client}).Pull(t.Context(), "mine", nil)
	if err == nil || !strings.Contains(err.Error(), "redirected from https to http") {
		t.Errorf("got %v, want a refused redirect", err)
	}
}
