package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/config"
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
					if level = f.Level; f.Cure != "df -h "+cfg.DataDir && !strings.HasSuffix(f.Cure, "/spool") {
						t.Errorf("got the cure %q, want how to see the space", f.Cure)
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
	dir := filepath.Join(shortDir(t), "calls")
	mountTmpfs(t, dir, "600m", unix.MS_RDONLY)
	cfg.Folders = []config.Folder{{Dir: dir}}
	got := examined(t, cfg)
	if len(got) != 1 || got[0].ID != "folder_access" || got[0].Level != api.LevelError || !strings.Contains(got[0].Message, "read-only") {
		t.Errorf("got %+v for a read-only folder, want an error that says so", got)
	}
	cfg.Folders[0].Out = shortDir(t) // outputs elsewhere, and nothing is moved
	if got := examined(t, cfg); len(got) > 0 {
		t.Errorf("got %+v where nothing is to be written there, want no faults", got)
	}
}

func TestDoctorCountsTheWatchesOfAProcess(t *testing.T) {
	var before, after inotify
	before.count("/proc/self")
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for range 3 {
		if _, err := unix.InotifyAddWatch(fd, shortDir(t), unix.IN_CREATE); err != nil {
			t.Fatal(err)
		}
	}
	after.count("/proc/self")
	if after.instances-before.instances != 1 || after.watches-before.watches != 3 {
		t.Errorf("got %+v after %+v, want one instance and three watches more", after, before)
	}
	if use, ok := inotifyUse(); !ok || use.maxWatches <= 0 || use.maxInstances <= 0 {
		t.Errorf("got %+v, %v, want what the system grants", use, ok)
	}
}
