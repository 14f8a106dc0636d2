package doctor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/daemontest"
	"github.com/voxparse/voxparse/internal/config"
)

// mountTmpfs mounts a file system of so many MB on dir, where this user may do
// so; flags are of mount(2).
func mountTmpfs(t *testing.T, dir, size string, flags uintptr) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", flags, "mode=0700,size="+size); err != nil {
		t.Skipf("this user may not mount here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
}

func TestDoctorMeasuresTheDisk(t *testing.T) {
	for _, tt := range []struct{ name, size, level string }{
		{"nearly full", "32m", api.LevelError},
		{"getting full", "200m", api.LevelWarn},
		{"with room", "1g", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := healthy(t)
			mountTmpfs(t, cfg.DataDir, tt.size, 0)
			level := ""
			for _, f := range examined(t, cfg) {
				switch {
				case f.ID == "disk_space":
					if level = f.Level; f.Fix != "df -h "+cfg.DataDir && !strings.HasSuffix(f.Fix, "/spool") {
						t.Errorf("got the fix %q, want how to see the space", f.Fix)
					}
				case f.ID == "data_folder" && strings.Contains(f.Message, "tmpfs: jobs and webhooks are gone with the next boot"):
				default:
					t.Errorf("got %+v too", f)
				}
			}
			if level != tt.level {
				t.Errorf("got level %q with %s, want %q", level, tt.size, tt.level)
			}
		})
	}
}

func TestDoctorFindsAFolderThatCannotBeWritten(t *testing.T) {
	cfg := healthy(t)
	dir := filepath.Join(daemontest.ShortDir(t), "calls")
	mountTmpfs(t, dir, "600m", unix.MS_RDONLY)
	cfg.Folders = []config.Folder{{Dir: dir}}
	got := examined(t, cfg)
	if len(got) != 1 || got[0].ID != "folder_access" || got[0].Level != api.LevelError || !strings.Contains(got[0].Message, "read-only") {
		t.Errorf("got %+v for a read-only folder, want an error that says so", got)
	}
	cfg.Folders[0].Out = daemontest.ShortDir(t) // outputs elsewhere, and nothing is moved
	if got := examined(t, cfg); len(got) > 0 {
		t.Errorf("got %+v where nothing is to be written there, want no faults", got)
	}
}
