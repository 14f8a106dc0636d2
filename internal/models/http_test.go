package models

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/voxparse/voxparse/api"
)

func TestDownload_refusesARedirectToHTTP(t *testing.T) {
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

func TestPull_explainsDiskErrors(t *testing.T) {
	p := &pull{store: Open("/m", Options{}), entry: Entry{Name: "mine"}}
	for cause, want := range map[error]string{
		syscall.ENOSPC: "no space left in /m while fetching model mine", syscall.EDQUOT: "no space left in /m",
		syscall.EROFS: "cannot write models to /m", syscall.EACCES: "cannot write models to /m",
	} {
		err := p.explain(&writeError{fmt.Errorf("flush: %w", cause)})
		if !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "models_dir") {
			t.Errorf("%v: got %v, want %v with %q and a fix", cause, err, api.Unavailable, want)
		}
	}
	if other := errors.New("other"); p.explain(other) != other {
		t.Errorf("other: got %v, want it unchanged", p.explain(other))
	}
}
