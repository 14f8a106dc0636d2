package httpapi

import (
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// showAudio serves GET /v1/jobs/{id}/audio: the silenced copy.
func (srv *server) showAudio(w http.ResponseWriter, r *http.Request) error {
	job, err := srv.cfg.Jobs.Job(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	switch {
	case !job.Options.RedactAudio:
		return api.Errorf(api.NotFound, "%s has no silenced audio: it was submitted without redact_audio", job.ID)
	case job.Status != api.Completed:
		return api.Errorf(api.NotFound, "%s has no silenced audio yet: it is %s", job.ID, job.Status)
	}
	f, err := os.Open(srv.cfg.Copies.Path(job.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return api.Errorf(api.NotFound, "the silenced audio of %s is gone from the data folder", job.ID)
	}
	if err != nil {
		return fmt.Errorf("open silenced audio: %w", err)
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", "audio/wav")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": copyName(job)}))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	http.ServeContent(&pacedAnswer{w, http.NewResponseController(w)}, r, "", job.FinishedAt, f)
	return nil
}

// copyName is what the copy is called where it is saved.
func copyName(job store.Job) string {
	name := cleanName(job.Source.Name)
	return strings.TrimSuffix(name, filepath.Ext(name)) + ".redacted" + ".wav"
}

// pacedAnswer gives the client of a long answer a deadline for each stretch.
type pacedAnswer struct {
	http.ResponseWriter
	rc *http.ResponseController
}

// Write writes to the client.
func (p *pacedAnswer) Write(b []byte) (int, error) {
	if err := p.rc.SetWriteDeadline(time.Now().Add(writePause)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.ResponseWriter.Write(b)
}
