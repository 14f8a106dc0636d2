package doctor

import (
	"context"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/models"
)

// machine makes the checks that need no running daemon.
type machine struct {
	cfg     *config.Config
	version string
	engine  string // path of the worker program; "" to look for it
	models  *models.Store
	folders []config.Folder
	service bool // the daemon is, or is to be, a user's service of systemd
	now     time.Time
}

// Examine makes the checks that need no running daemon: those of the machine
// and of the settings. service is whether the daemon is installed as a service.
func Examine(ctx context.Context, cfg *config.Config, version string, service bool) []api.Finding {
	m := &machine{cfg: cfg, version: version, engine: cfg.Engine, service: service, now: time.Now(), folders: cfg.Folders,
		models: models.Open(cfg.ModelsDir, models.Options{Mirror: cfg.ModelMirror})}
	return runChecks(ctx, m.checks())
}

func (m *machine) checks() []check {
	return []check{m.dataFolder, m.socketFolder, m.listens, m.privateFiles, m.diskSpace, m.quarantine, m.engineRuns, m.decoderCache, m.modelFiles,
		m.folderAccess, m.watches, m.clockSanity, m.lingering}
}

// withoutEngine are the checks where no worker processes are used.
func (m *machine) withoutEngine() []check {
	return []check{m.dataFolder, m.socketFolder, m.listens, m.privateFiles, m.diskSpace, m.quarantine, m.folderAccess, m.watches, m.clockSanity}
}
