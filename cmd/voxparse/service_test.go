package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// serviceBench is a home with a systemctl that only writes down what it is
// asked.
type serviceBench struct {
	program, home, asked string
	env                  []string
}

func newServiceBench(t *testing.T, systemctl string, env ...string) *serviceBench {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("systemd is Linux's")
	}
	home, err := os.MkdirTemp(filepath.Dir(binDir), "vs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	b := &serviceBench{program: filepath.Join(home, "bin", "voxparse"), home: home, asked: filepath.Join(home, "asked")}
	if err := os.Mkdir(filepath.Dir(b.program), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(binDir, "voxparse"), b.program); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"systemctl", "loginctl"} {
		script := "#!/bin/sh\necho \"" + name + " $*\" >> " + b.asked + "\n" + systemctl + "\n"
		if err := os.WriteFile(filepath.Join(home, "bin", name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.env = append([]string{"HOME=" + home, "PATH=" + filepath.Join(home, "bin") + ":" + os.Getenv("PATH"), "XDG_RUNTIME_DIR=" + home}, env...)
	return b
}

func (b *serviceBench) run(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errw strings.Builder
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), b.program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = b.env, &out, &errw
	err = cmd.Run()
	return out.String(), errw.String(), err
}

func TestInstallWritesTheUnitsAndUninstallRemovesThem(t *testing.T) {
	b := newServiceBench(t, "exit 0", "VOXPARSE_MODEL=moonshine-base", "VOXPARSE_PLAN=pro", "VOXPARSE_API_KEY=vp_secret", "VOXPARSE_DATA_DIR=data")
	out, errs, err := b.run(t, "daemon", "install", "--socket-activation", "--json")
	if err != nil {
		t.Fatalf("install: %v\n%s", err, errs)
	}
	var got installed
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("read %q: %v", out, err)
	}
	if len(got.Files) != 2 || !got.Started || got.Linger == nil || len(got.Advice) == 0 {
		t.Errorf("got %+v, want two files, started, and advice on lingering", got)
	}
	body, err := os.ReadFile(got.Files[0])
	if err != nil {
		t.Fatal(err)
	}
	unit := string(body)
	for _, want := range []string{"ExecStart=" + b.program + " daemon run\n", "Environment=VOXPARSE_MODEL=moonshine-base\n", "Environment=VOXPARSE_DATA_DIR=/"} {
		if !strings.Contains(unit, want) {
			t.Errorf("the unit has no %q:\n%s", want, unit)
		}
	}
	for _, never := range []string{"vp_secret", "VOXPARSE_PLAN"} {
		if strings.Contains(unit, never) {
			t.Errorf("the unit has %q:\n%s", never, unit)
		}
	}
	asked, err := os.ReadFile(b.asked)
	if err != nil || !strings.Contains(string(asked), "systemctl --user restart voxparse.service voxparse.socket") {
		t.Errorf("asked systemctl for %q, error %v", asked, err)
	}
	if out, errs, err := b.run(t, "daemon", "install"); err != nil || strings.Contains(out, "voxparse.socket") {
		t.Errorf("install without the socket: %v\n%s%s", err, out, errs)
	}
	if _, err := os.Stat(got.Files[1]); err == nil {
		t.Error("the socket unit of the earlier installation is still there")
	}
	if _, errs, err := b.run(t, "daemon", "uninstall"); err != nil {
		t.Errorf("uninstall: %v\n%s", err, errs)
	}
	if _, err := os.Stat(got.Files[0]); err == nil {
		t.Error("the unit is still there")
	}
}

func TestInstallWithoutAUserManagerSaysWhatToDo(t *testing.T) {
	for _, tt := range []struct{ name, env, want string }{
		{"in a container", "X=y", "in a container"},
		{"under sudo", "SUDO_USER=jane", "as jane"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newServiceBench(t, "echo Failed to connect to bus >&2; exit 1", tt.env)
			_, errs, err := b.run(t, "daemon", "install")
			if err == nil || (os.Geteuid() == 0 || tt.env == "X=y") && !strings.Contains(errs, tt.want) {
				t.Errorf("got %v and %q, want an error with %q", err, errs, tt.want)
			}
			if out, errs, err := b.run(t, "daemon", "install", "--print"); err != nil || !strings.Contains(out, "Type=notify") {
				t.Errorf("print: %v\n%s%s", err, out, errs)
			}
			if _, err := os.Stat(filepath.Join(b.home, ".config", "systemd")); err == nil {
				t.Error("something was written")
			}
		})
	}
}
