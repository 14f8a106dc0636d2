package doctor

import (
	"context"
	"path/filepath"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/problem"
	"github.com/voxparse/voxparse/store/spool"
)

// quarantine looks for audio that was set aside because no job was known to need
// it, as after an older database was put in place.
func (m *machine) quarantine(context.Context) []api.Finding {
	const id = "quarantine"
	dir := filepath.Join(m.cfg.DataDir, spool.QuarantineDir)
	q, err := spool.InQuarantine(dir)
	switch {
	case err != nil:
		return []api.Finding{fail(id, "ls -ld "+problem.Quote(dir), "%v", err)}
	case q.Files == 0:
		return []api.Finding{ok(id, "no audio without a job was set aside")}
	}
	return []api.Finding{warn(id, "transcribe what you need of "+problem.Quote(dir)+"; then: rm -r "+problem.Quote(dir),
		"audio without a job was set aside: %d files, %d bytes, the oldest on %s; each is removed after %.0f days",
		q.Files, q.Bytes, q.Oldest.Format(time.DateOnly), m.cfg.KeepFor().Hours()/24)}
}
