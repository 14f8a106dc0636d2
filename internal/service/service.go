package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// Spec is what the service manager has to know of the daemon.
type Spec struct {
	Program string            // absolute path of voxparse, without symbolic links to a build folder
	Args    []string          // after the program's name: "daemon", "run", flags
	Env     map[string]string // variables that the daemon needs and the manager does not set
	LogFile string            // absolute; for managers that keep no journal
	Socket  bool              // systemd only: let a socket unit start the daemon on demand too
	Listen  string            // with Socket: the socket's absolute path; "" for the default one
	NoStart bool              // set it up for the next log-in, and start nothing now
	User    string            // Windows only: DOMAIN\name of the one who logs on
	Grace   time.Duration     // how long the daemon lets work finish when it stops
}

// Kind is a kind of service manager.
type Kind string

// The service managers that a daemon can be installed for.
const (
	Systemd Kind = "systemd"
	Launchd Kind = "launchd"
	Windows Kind = "windows"
)

// For returns the service manager of an operating system, as runtime.GOOS
// names it. Where there is none that we know, the error says what to do.
func For(goos string) (Kind, error) {
	switch goos {
	case "linux":
		return Systemd, nil
	case "darwin":
		return Launchd, nil
	case "windows":
		return Windows, nil
	}
	return "", api.Errorf(api.Invalid, "no service manager is known for %s; start the daemon from your own start-up scripts: voxparse daemon run", goos)
}

// File is one file of an installation.
type File struct {
	Path string // absolute
	Body []byte
}

// stopLimit is how long the daemon may take to stop before it is killed: its
// grace period, and what it takes to hand work back and close the database.
func (s Spec) stopLimit() time.Duration { return s.Grace + 110*time.Second }

// Runner runs one command of the service manager, and returns its output in
// the error when it ends with a status other than 0.
type Runner func(ctx context.Context, name string, args ...string) error

// Dirs are the folders that the files go to.
type Dirs struct {
	Home   string // the user's home
	Config string // $XDG_CONFIG_HOME, for systemd
	Data   string // voxparse's own data folder, for the Windows task's definition
}

// check refuses what cannot be written into any of the files.
func (s Spec) check() error {
	if !filepath.IsAbs(s.Program) {
		return api.Errorf(api.Invalid, "the program's path %q is not absolute", s.Program)
	}
	values := append([]string{s.Program, s.LogFile, s.User, s.Listen}, s.Args...)
	for name, v := range s.Env {
		values = append(values, name, v)
	}
	for _, v := range values {
		if strings.ContainsAny(v, "\n\r\x00") {
			return api.Errorf(api.Invalid, "%q has a line break, which a service file cannot hold", v)
		}
	}
	return nil
}

// envNames returns the names of the variables in a fixed order.
func (s Spec) envNames() []string {
	names := make([]string, 0, len(s.Env))
	for name := range s.Env {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Files returns the files of an installation.
func Files(m Kind, s Spec, d Dirs) ([]File, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	switch m {
	case Systemd:
		dir := filepath.Join(d.Config, "systemd", "user")
		files := []File{{filepath.Join(dir, unitName), s.unit()}}
		if s.Socket {
			files = append(files, File{filepath.Join(dir, socketName), s.socketUnit()})
		}
		return files, nil
	case Launchd:
		return []File{{filepath.Join(d.Home, "Library", "LaunchAgents", label+".plist"), s.plist()}}, nil
	case Windows:
		if err := s.checkTask(); err != nil {
			return nil, err
		}
		return []File{{filepath.Join(d.Data, "logon-task.xml"), s.task()}}, nil
	}
	return nil, api.Errorf(api.Invalid, "unknown service manager %q", m)
}

// Install writes the files, each whole or not at all, and makes the manager
// start the daemon at every log-in and, unless NoStart is set, now. Installing
// again replaces what was there.
func Install(ctx context.Context, m Kind, s Spec, d Dirs, run Runner) ([]File, error) {
	files, err := Files(m, s, d)
	if err != nil {
		return nil, err
	}
	if err := dropSocket(ctx, m, s, d, run); err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.Path), 0o700); err != nil {
			return nil, fmt.Errorf("make the folder of %s: %w", f.Path, err)
		}
		if err := fsx.WriteFile(f.Path, f.Body, 0o600); err != nil {
			return nil, fmt.Errorf("write %s: %w", f.Path, err)
		}
	}
	return files, runAll(ctx, startCommands(m, s, files), run)
}

// command is one of the service manager's. One that is optional may fail: it
// undoes what need not be there.
type command struct {
	words    []string
	optional bool
}

func must(words ...string) command { return command{words: words} }
func may(words ...string) command  { return command{words: words, optional: true} }

// runAll runs the commands in their order, until one fails that may not.
func runAll(ctx context.Context, commands []command, run Runner) error {
	for _, c := range commands {
		if err := run(ctx, c.words[0], c.words[1:]...); err != nil && !c.optional {
			return fmt.Errorf("%s: %w", strings.Join(c.words, " "), err)
		}
	}
	return nil
}

// dropSocket removes the socket unit of an earlier installation when the new
// one has none.
func dropSocket(ctx context.Context, m Kind, s Spec, d Dirs, run Runner) error {
	path := filepath.Join(d.Config, "systemd", "user", socketName)
	if _, err := os.Lstat(path); m != Systemd || s.Socket || err != nil {
		return nil //nolint:nilerr // there is none
	}
	if err := runAll(ctx, []command{must("systemctl", "--user", "disable", "--now", socketName)}, run); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}

// Uninstall stops the daemon, makes the manager forget it and removes the
// files. What is not there is no error. Settings and data stay.
func Uninstall(ctx context.Context, m Kind, d Dirs, run Runner) ([]string, error) {
	files, err := Files(m, Spec{Program: filepath.Join(d.Home, "voxparse"), Socket: true}, d)
	if err != nil {
		return nil, err
	}
	var there []string
	for _, f := range files {
		if _, err := os.Lstat(f.Path); err == nil {
			there = append(there, f.Path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("look at %s: %w", f.Path, err)
		}
	}
	if len(there) == 0 {
		return nil, nil
	}
	if err := runAll(ctx, stopCommands(m, there), run); err != nil {
		return nil, err
	}
	for _, path := range there {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove %s: %w", path, err)
		}
	}
	if m == Systemd {
		return there, runAll(ctx, []command{must("systemctl", "--user", "daemon-reload")}, run)
	}
	return there, nil
}

// startCommands are the manager's commands after the files are written.
func startCommands(m Kind, s Spec, files []File) []command {
	switch m {
	case Systemd:
		units := []string{unitName}
		if s.Socket {
			units = append(units, socketName)
		}
		commands := []command{must("systemctl", "--user", "daemon-reload"), must(append([]string{"systemctl", "--user", "enable"}, units...)...)}
		if s.NoStart {
			return commands
		}
		return append(commands, must(append([]string{"systemctl", "--user", "restart"}, units...)...))
	case Launchd:
		if s.NoStart {
			return nil // launchd finds the file at the next log-in
		}
		domain := fmt.Sprintf("gui/%d", os.Getuid())
		return []command{
			may("launchctl", "bootout", domain+"/"+label), // an earlier installation, which bootstrap would refuse to replace
			must("launchctl", "enable", domain+"/"+label),
			must("launchctl", "bootstrap", domain, files[0].Path), // and starts it: RunAtLoad
		}
	case Windows:
		create := must("schtasks", "/Create", "/F", "/TN", taskName, "/XML", files[0].Path)
		if s.NoStart {
			return []command{create}
		}
		return []command{create, must("schtasks", "/Run", "/TN", taskName)}
	}
	return nil
}

// stopCommands are the manager's commands before the files at paths go.
func stopCommands(m Kind, paths []string) []command {
	switch m {
	case Systemd:
		words := []string{"systemctl", "--user", "disable", "--now"}
		for _, p := range paths {
			words = append(words, filepath.Base(p))
		}
		return []command{must(words...)}
	case Launchd:
		return []command{may("launchctl", "bootout", fmt.Sprintf("gui/%d/%s", os.Getuid(), label))} // it may not be loaded yet
	case Windows:
		return []command{may("schtasks", "/End", "/TN", taskName), must("schtasks", "/Delete", "/F", "/TN", taskName)}
	}
	return nil
}
