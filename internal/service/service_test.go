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
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/unit"
)

var update = flag.Bool("update", false, "write the golden files again")

// awkward is a specification in which every value needs quoting somewhere.
var awkward = Spec{
	Grace:   90 * time.Second,
	Program: `/opt/My "Programs"/100% vox$parse/voxparse`,
	Args:    []string{"daemon", "run", "--config", `/home/a b/<c>&d/config.toml`},
	Env:     map[string]string{"VOXPARSE_NOTE": `50% of "it" \ done`, "LANG": "C.UTF-8"},
	LogFile: "/home/a b/voxparse.log",
	Socket:  true,
	User:    `OFFICE\jane`,
}

// on returns s as it may be for m: on Windows the environment goes through cmd, which can quote less.
func (s Spec) on(m Kind) Spec {
	if m == Windows {
		s.Program = `/Program Files/voxparse/voxparse.exe`
		s.Env = map[string]string{"VOXPARSE_NOTE": `a & b | c \ done`, "LANG": "C.UTF-8"}
	}
	return s
}

var plain = Spec{Program: "/usr/local/lib/voxparse/voxparse", Args: []string{"daemon", "run"}, LogFile: "/home/jane/voxparse.log"}

func TestFiles_golden(t *testing.T) {
	dirs := Dirs{Home: "/home/jane", Config: "/home/jane/.config", Data: "/home/jane/.local/share/voxparse"}
	for name, spec := range map[string]Spec{"plain": plain, "awkward": awkward} {
		for _, m := range []Kind{Systemd, Launchd, Windows} {
			files, err := Files(m, spec.on(m), dirs)
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

func TestFiles_unitQuoting(t *testing.T) {
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

// TestFiles_systemdVerify asks systemd itself where it is installed; the
// golden files and the parser above hold the units elsewhere.
func TestFiles_systemdVerify(t *testing.T) {
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

func TestFiles_wellFormedXML(t *testing.T) {
	for name, body := range map[string][]byte{"plist": awkward.plist(), "task": awkward.on(Windows).task()} {
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

// entry is one element of a property list: a dict's keys and values alternate.
type entry struct {
	XMLName  xml.Name
	Text     string  `xml:",chardata"`
	Children []entry `xml:",any"`
}

// plain returns a property list's value as Go has it.
func (e entry) plain(t *testing.T) any {
	switch e.XMLName.Local {
	case "string", "integer":
		return e.Text
	case "true", "false":
		return e.XMLName.Local == "true"
	case "array":
		var out []any
		for _, c := range e.Children {
			out = append(out, c.plain(t))
		}
		return out
	case "dict":
		out := map[string]any{}
		for i := 0; i+1 < len(e.Children); i += 2 {
			if e.Children[i].XMLName.Local != "key" {
				t.Fatalf("got <%s> for a key", e.Children[i].XMLName.Local)
			}
			out[e.Children[i].Text] = e.Children[i+1].plain(t)
		}
		if len(e.Children)%2 != 0 {
			t.Fatalf("the last key of a dict has no value")
		}
		return out
	}
	t.Fatalf("<%s> is no type of a property list", e.XMLName.Local)
	return nil
}

func TestFiles_propertyList(t *testing.T) {
	var doc struct {
		XMLName xml.Name `xml:"plist"`
		Root    entry    `xml:"dict"`
	}
	if err := xml.Unmarshal(awkward.plist(), &doc); err != nil {
		t.Fatal(err)
	}
	got := doc.Root.plain(t)
	env := map[string]any{}
	for k, v := range awkward.Env {
		env[k] = v
	}
	args := []any{awkward.Program}
	for _, a := range awkward.Args {
		args = append(args, a)
	}
	want := map[string]any{
		"Label": label, "ProgramArguments": args, "EnvironmentVariables": env,
		"StandardOutPath": awkward.LogFile, "StandardErrorPath": awkward.LogFile,
		"RunAtLoad": true, "KeepAlive": map[string]any{"SuccessfulExit": false},
		"ThrottleInterval": "10", "ExitTimeOut": "200", "ProcessType": "Background", "Umask": "63",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v\nwant %#v", got, want)
	}
}

func TestFiles_refusesLineBreaks(t *testing.T) {
	spec := plain
	spec.Env = map[string]string{"A": "x\nExecStartPre=/bin/false"}
	for _, m := range []Kind{Systemd, Launchd, Windows} {
		if _, err := Files(m, spec, Dirs{}); err == nil {
			t.Errorf("%s: got no error for a value with a line break", m)
		}
	}
}

func TestInstall_thenUninstallLeavesNothing(t *testing.T) {
	for _, m := range []Kind{Systemd, Launchd, Windows} {
		root := t.TempDir()
		dirs := Dirs{Home: root, Config: filepath.Join(root, "config"), Data: filepath.Join(root, "data")}
		var ran []string
		run := func(_ context.Context, name string, args ...string) error {
			ran = append(ran, name+" "+strings.Join(args, " "))
			return nil
		}
		for range 2 { // installing twice is the same as once
			if _, err := Install(t.Context(), m, awkward.on(m), dirs, run); err != nil {
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

func TestInstall_reportsTheFailedCommand(t *testing.T) {
	root := t.TempDir()
	run := func(context.Context, string, ...string) error { return errors.New("no bus") }
	_, err := Install(t.Context(), Systemd, plain, Dirs{Home: root, Config: root}, run)
	if err == nil || !strings.Contains(err.Error(), "systemctl --user daemon-reload: no bus") {
		t.Errorf("got %v, want the command and its error", err)
	}
}

// What is not loaded, or does not run, cannot be stopped: that must not keep a
// new installation out, or an old one in.
func TestUninstall_ignoresWhatIsNotInstalled(t *testing.T) {
	for m, missing := range map[Kind]string{Launchd: "bootout", Windows: "/End"} {
		root := t.TempDir()
		dirs := Dirs{Home: root, Config: root, Data: root}
		var ran []string
		run := func(_ context.Context, name string, args ...string) error {
			if ran = append(ran, args[0]); args[0] == missing {
				return errors.New("there is no such thing")
			}
			return nil
		}
		for range 2 {
			if _, err := Install(t.Context(), m, plain, dirs, run); err != nil {
				t.Errorf("install for %s: %v", m, err)
			}
		}
		if removed, err := Uninstall(t.Context(), m, dirs, run); err != nil || len(removed) != 1 {
			t.Errorf("uninstall for %s: got %v, %v", m, removed, err)
		}
		if !slices.Contains(ran, missing) {
			t.Errorf("%s: ran %v, want %s among it", m, ran, missing)
		}
	}
}

func TestFiles_refusesWhatCmdWouldChange(t *testing.T) {
	dirs := Dirs{Home: t.TempDir()}
	for _, tt := range []struct {
		value string
		ok    bool
	}{{`a & b`, true}, {`C:\a b\c`, true}, {`50%PATH%`, false}, {`say "it"`, false}} {
		spec := plain.on(Windows)
		spec.Env = map[string]string{"VOXPARSE_X": tt.value}
		if _, err := Files(Windows, spec, dirs); (err == nil) != tt.ok {
			t.Errorf("%s: got %v, want accepted %v", tt.value, err, tt.ok)
		}
	}
}
