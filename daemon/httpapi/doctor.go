package httpapi

import (
	"net/http"
	"time"

	"github.com/voxparse/voxparse/api"
)

// showDoctor serves GET and POST /v1/doctor. Only a POST may ask for probes:
// they make requests to receivers.
func (srv *server) showDoctor(w http.ResponseWriter, r *http.Request) error {
	probe := r.URL.Query().Get("probe") == "1"
	if probe && r.Method != http.MethodPost {
		return api.Errorf(api.Invalid, "probe=1: use POST, because it makes requests to the webhooks' receivers")
	}
	writeJSON(w, http.StatusOK, api.Checkup{Version: srv.cfg.Version, Daemon: true, At: time.Now().UTC(), Findings: srv.cfg.Doctor.Examine(r.Context(), probe)})
	return nil
}
