package httpapi

import (
	"io"
	"net/http"
	"time"

	"github.com/voxparse/voxparse/api"
)

// backup serves GET /v1/daemon/backup, and POST with a passphrase for the master
// key: the database as it is at this moment, and the audio that waits. An answer
// that breaks off is not whole, and the client sees it.
func (srv *server) backup(w http.ResponseWriter, r *http.Request) error {
	began := time.Now()
	var req struct {
		Passphrase string `json:"passphrase"`
	}
	if r.Method == http.MethodPost {
		if err := readJSON(w, r, &req, false); err != nil {
			return err
		}
		if req.Passphrase == "" {
			return api.Errorf(api.Invalid, "passphrase: with what is the master key to be sealed?")
		}
	}
	w.Header().Set("Content-Type", "application/x-tar")
	out := &countingWriter{w: w, rc: http.NewResponseController(w)}
	if err := srv.cfg.Backup(r.Context(), out, req.Passphrase); err != nil {
		if out.n == 0 {
			return err
		}
		srv.cfg.Logger.Warn("a backup broke off", "error", err)
		panic(http.ErrAbortHandler)
	}
	srv.cfg.Logger.Info("backed up", "bytes", out.n, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// countingWriter gives the client a deadline for each piece, and counts bytes.
type countingWriter struct {
	w  io.Writer
	rc *http.ResponseController
	n  int64
}

// Write writes a piece.
func (p *countingWriter) Write(b []byte) (int, error) {
	if err := p.rc.SetWriteDeadline(time.Now().Add(writePause)); err != nil {
		return 0, err
	}
	n, err := p.w.Write(b)
	p.n += int64(n)
	return n, err
}
