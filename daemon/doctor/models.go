package doctor

import (
	"context"
	"os"
	"slices"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/problem"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/internal/models"
)

// modelFiles hashes the files of every model that is asked for.
func (m *machine) modelFiles(ctx context.Context) []api.Finding {
	const id = "models"
	names := []string{m.cfg.Model}
	for _, f := range m.folders {
		names = append(names, f.Model)
	}
	for i, name := range names {
		if name == "" {
			names[i] = models.Default
		}
	}
	slices.Sort(names)
	var out []api.Finding
	for _, name := range slices.Compact(names) {
		if e, ok := m.cfg.Engines[name]; ok {
			for role, path := range e.Files {
				if _, err := os.Stat(path); err != nil {
					out = append(out, fail(id, "check [engines."+name+"] in "+problem.Quote(m.cfg.ConfigFile), "the %s file of the engine %s cannot be read: %v", role, name, err))
				}
			}
			continue
		}
		out = append(out, m.modelFile(ctx, id, name))
	}
	return out
}

func (m *machine) modelFile(ctx context.Context, id, name string) api.Finding {
	entry, err := m.models.Lookup(name)
	if err != nil {
		return fail(id, "voxparse models list", "%v", err)
	}
	pull := "voxparse models pull " + name
	if !m.models.Ready(name) {
		if free, ok := fsx.FreeSpace(existing(m.cfg.ModelsDir)); ok && int64(free) < entry.Bytes()+spaceFail {
			return fail(id, "df -h "+problem.Quote(existing(m.cfg.ModelsDir)), "the model %s is not here, and its %d MB do not fit on the disk", name, entry.Bytes()>>20)
		}
		return warn(id, pull, "the model %s is not here yet; it is fetched when the first file needs it", name)
	}
	if err := m.models.Verify(ctx, name); err != nil {
		return fail(id, pull, "%v", err)
	}
	return ok(id, "the model %s is valid", name)
}
