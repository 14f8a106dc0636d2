package service

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

func TestInstall_noStart(t *testing.T) {
	for _, m := range []Kind{Systemd, Launchd, Windows} {
		root := t.TempDir()
		dirs := Dirs{Home: root, Config: filepath.Join(root, "config"), Data: filepath.Join(root, "data")}
		spec := plain
		spec.NoStart = true
		_, err := Install(t.Context(), m, spec, dirs, func(_ context.Context, name string, args ...string) error {
			for _, word := range args {
				if word == "restart" || word == "kickstart" || word == "/Run" {
					t.Errorf("%s: ran %s %s", m, name, strings.Join(args, " "))
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("install for %s: %v", m, err)
		}
		if !Installed(m, dirs) {
			t.Errorf("%s: it is not installed afterwards", m)
		}
	}
}

func TestFiles_socketUnit(t *testing.T) {
	spec := plain
	if got := string(spec.socketUnit()); !strings.Contains(got, "ListenStream=%t/voxparse/voxparse.sock\n") {
		t.Errorf("got\n%s\nwant the default path", got)
	}
	spec.Listen = "/run/100%/a b.sock"
	if got := string(spec.socketUnit()); !strings.Contains(got, "ListenStream=/run/100%%/a b.sock\n") {
		t.Errorf("got\n%s\nwant the path, escaped", got)
	}
}
