package httpapi

import (
	"io"
	"net/http"
	"time"
)

// backup serves GET /v1/daemon/backup: the database as it is at this moment.
// An answer that breaks off is not whole, and the client sees it.
func (srv *server) backup(w http.ResponseWriter, r *http.Request) error {
	began := time.Now()
	w.Header().Set("Content-Type", "application/octet-stream")
	out := &countingWriter{w: w, rc: http.NewResponseController(w)}
	if err := srv.cfg.Database.Backup(r.Context(), out); err != nil {
		if out.n == 0 {
			return err
		}
		srv.cfg.Logger.Warn("a backup broke off", "error", err)
		panic(http.ErrAbortHandler)
	}
	srv.cfg.Logger.Info("backed up the database", "bytes", out.n, "took", time.Since(began).Round(time.Millisecond))
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
