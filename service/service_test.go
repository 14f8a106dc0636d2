package service

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
)

var update = flag.Bool("update", false, "write the golden files again")

// awkward is a specification in which every value needs quoting somewhere.
var awkward = Spec{
	Program: `/opt/My "Programs"/100% vox$parse/voxparse`,
	Args:    []string{"daemon", "run", "--config", `/home/a b/<c>&d/config.toml`},
	Env:     map[string]string{"VOXPARSE_NOTE": `50% of "it" \ done`, "LANG": "C.UTF-8"},
	LogFile: "/home/a b/voxparse.log",
	Socket:  true,
	User:    `OFFICE\jane`,
}

var plain = Spec{Program: "/usr/local/lib/voxparse/voxparse", Args: []string{"daemon", "run"}, LogFile: "/home/jane/voxparse.log"}

func TestFilesMatchTheGoldenOnes(t *testing.T) {
	dirs := Dirs{Home: "/home/jane", Config: "/home/jane/.config", Data: "/home/jane/.local/share/voxparse"}
	for name, spec := range map[string]Spec{"plain": plain, "awkward": awkward} {
		for _, m := range []Manager{Systemd, Launchd, Windows} {
			files, err := Files(m, spec, dirs)
			if err != nil {
				t.Fatalf("%s %s: %v", m, name, err)
			}
			for _, f := range files {
				golden := filepath.Join("testdata", name+"-"+filepath.Base(f.Path))
				if *update {
					if err := os.WriteFile(golden, f.Body, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(f.Body, want) {
					t.Errorf("%s: got\n%s\nwant\n%s", golden, f.Body, want)
				}
			}
		}
	}
}

func TestUnitIsReadBackAsItWasMeant(t *testing.T) {
	opts, err := unit.DeserializeOptions(bytes.NewReader(awkward.unit()))
	if err != nil {
		t.Fatalf("parse the unit: %v", err)
	}
	got := map[string]string{}
	for _, o := range opts {
		got[o.Section+"."+o.Name] = o.Value
	}
	for key, want := range map[string]string{
		"Service.Type":      "notify",
		"Service.OOMPolicy": "continue",
		"Service.ExecStart": `"/opt/My \"Programs\"/100%% vox$parse/voxparse" daemon run --config "/home/a b/<c>&d/config.toml"`,
		"Install.WantedBy":  "default.target",
		"Unit.Requires":     socketName,
	} {
		if got[key] != want {
			t.Errorf("%s: got %q, want %q", key, got[key], want)
		}
	}
}

// TestSystemdAcceptsTheUnits asks systemd itself where it is installed; the
// golden files and the parser above hold the units elsewhere.
func TestSystemdAcceptsTheUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("systemd-analyze is not installed: the units are checked by parser and golden file only")
		return
	}
	program := filepath.Join(t.TempDir(), "a 100% $odd name")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, spec := range []Spec{
		{Program: program, Args: []string{"daemon", "run"}},
		{Program: program, Args: awkward.Args, Env: awkward.Env, Socket: true},
	} {
		dir := t.TempDir()
		files, err := Files(Systemd, spec, Dirs{Home: dir, Config: dir})
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"verify", "--user", "--man=no"}
		for _, f := range files {
			path := filepath.Join(dir, filepath.Base(f.Path))
			if err := os.WriteFile(path, f.Body, 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, path)
		}
		cmd := exec.CommandContext(t.Context(), analyze, args...)
		cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir, "SYSTEMD_LOG_LEVEL=warning")
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(out), "voxparse.") {
			t.Errorf("systemd-analyze verify: %v\n%s", err, out)
		}
	}
}

func TestDefinitionsAreWellFormedXML(t *testing.T) {
	for name, body := range map[string][]byte{"plist": awkward.plist(), "task": awkward.task()} {
		dec := xml.NewDecoder(bytes.NewReader(body))
		var texts []string
		for {
			tok, err := dec.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if c, ok := tok.(xml.CharData); ok {
				texts = append(texts, string(c))
			}
		}
		if !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, "/home/a b/<c>&d/config.toml") }) {
			t.Errorf("%s: the path of the settings did not survive: %q", name, texts)
		}
	}
}

func TestALineBreakIsRefused(t *testing.T) {
	spec := plain
	spec.Env = map[string]string{"A": "x\nExecStartPre=/bin/false"}
	for _, m := range []Manager{Systemd, Launchd, Windows} {
		if _, err := Files(m, spec, Dirs{}); err == nil {
			t.Errorf("%s: got no error for a value with a line break", m)
		}
	}
}

func TestInstallAndUninstallAreInverse(t *testing.T) {
	for _, m := range []Manager{Systemd, Launchd, Windows} {
		root := t.TempDir()
		dirs := Dirs{Home: root, Config: filepath.Join(root, "config"), Data: filepath.Join(root, "data")}
		var ran []string
		run := func(_ context.Context, name string, args ...string) error {
			ran = append(ran, name+" "+strings.Join(args, " "))
			return nil
		}
		for range 2 { // installing twice is the same as once
			if _, err := Install(t.Context(), m, awkward, dirs, run); err != nil {
				t.Fatalf("install for %s: %v", m, err)
			}
		}
		if len(ran) == 0 {
			t.Errorf("%s: install ran no command", m)
		}
		removed, err := Uninstall(t.Context(), m, dirs, run)
		if err != nil {
			t.Fatalf("uninstall for %s: %v", m, err)
		}
		if len(removed) == 0 {
			t.Errorf("%s: uninstall removed nothing", m)
		}
		for _, path := range removed {
			if _, err := os.Stat(path); err == nil {
				t.Errorf("%s is still there", path)
			}
		}
		if again, err := Uninstall(t.Context(), m, dirs, run); err != nil || len(again) != 0 {
			t.Errorf("%s: a second uninstall got %v, %v; want nothing to do", m, again, err)
		}
	}
}

func TestInstallReportsTheCommandThatFailed(t *testing.T) {
	root := t.TempDir()
	run := func(context.Context, string, ...string) error { return errors.New("no bus") }
	_, err := Install(t.Context(), Systemd, plain, Dirs{Home: root, Config: root}, run)
	if err == nil || !strings.Contains(err.Error(), "systemctl --user daemon-reload: no bus") {
		t.Errorf("got %v, want the command and its error", err)
	}
}
