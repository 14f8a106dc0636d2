// Package service describes voxparse's daemon to the service manager of the
// system it runs on: a systemd user unit (with a socket unit, if asked for), a
// launchd agent, or a Windows logon task. It owns that outside contract: the
// file formats, where the files go, how values are quoted in each, and which
// commands make the manager take notice. The files are made the same on every
// system, so that each can be tested anywhere; only Install and Uninstall act
// on the machine, through a Runner.
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

	"github.com/google/renameio/v2"
	"github.com/voxparse/voxparse/api"
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
}

// Manager is a kind of service manager.
type Manager string

// The service managers that a daemon can be installed for.
const (
	Systemd Manager = "systemd"
	Launchd Manager = "launchd"
	Windows Manager = "windows"
)

// For returns the service manager of an operating system, as runtime.GOOS
// names it. Where there is none that we know, the error says what to do.
func For(goos string) (Manager, error) {
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
func Files(m Manager, s Spec, d Dirs) ([]File, error) {
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
		return []File{{filepath.Join(d.Data, "logon-task.xml"), s.task()}}, nil
	}
	return nil, api.Errorf(api.Invalid, "unknown service manager %q", m)
}

// Install writes the files, each whole or not at all, and makes the manager
// start the daemon at every log-in and, unless NoStart is set, now. Installing
// again replaces what was there.
func Install(ctx context.Context, m Manager, s Spec, d Dirs, run Runner) ([]File, error) {
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
		if err := renameio.WriteFile(f.Path, f.Body, 0o600); err != nil {
			return nil, fmt.Errorf("write %s: %w", f.Path, err)
		}
	}
	for _, c := range startCommands(m, s, files) {
		if err := run(ctx, c[0], c[1:]...); err != nil {
			return files, fmt.Errorf("%s: %w", strings.Join(c, " "), err)
		}
	}
	return files, nil
}

// dropSocket removes the socket unit of an earlier installation when the new
// one has none.
func dropSocket(ctx context.Context, m Manager, s Spec, d Dirs, run Runner) error {
	path := filepath.Join(d.Config, "systemd", "user", socketName)
	if _, err := os.Lstat(path); m != Systemd || s.Socket || err != nil {
		return nil
	}
	if err := run(ctx, "systemctl", "--user", "disable", "--now", socketName); err != nil {
		return fmt.Errorf("systemctl --user disable --now %s: %w", socketName, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}

// Uninstall stops the daemon, makes the manager forget it and removes the
// files. What is not there is no error. Settings and data stay.
func Uninstall(ctx context.Context, m Manager, d Dirs, run Runner) ([]string, error) {
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
	for _, c := range stopCommands(m, there) {
		if err := run(ctx, c[0], c[1:]...); err != nil {
			return nil, fmt.Errorf("%s: %w", strings.Join(c, " "), err)
		}
	}
	for _, path := range there {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove %s: %w", path, err)
		}
	}
	if m == Systemd {
		if err := run(ctx, "systemctl", "--user", "daemon-reload"); err != nil {
			return there, fmt.Errorf("systemctl --user daemon-reload: %w", err)
		}
	}
	return there, nil
}

// startCommands are the manager's commands after the files are written.
func startCommands(m Manager, s Spec, files []File) [][]string {
	switch m {
	case Systemd:
		enable := []string{"systemctl", "--user", "enable", unitName}
		if s.Socket {
			enable = append(enable, socketName)
		}
		commands := [][]string{{"systemctl", "--user", "daemon-reload"}, enable}
		if s.NoStart {
			return commands
		}
		return append(commands, append([]string{"systemctl", "--user", "restart"}, enable[3:]...))
	case Launchd:
		if s.NoStart {
			return nil // launchd finds the file at the next log-in
		}
		domain := fmt.Sprintf("gui/%d", os.Getuid())
		return [][]string{
			{"launchctl", "bootstrap", domain, files[0].Path},
			{"launchctl", "kickstart", "-k", domain + "/" + label},
		}
	case Windows:
		create := []string{"schtasks", "/Create", "/F", "/TN", taskName, "/XML", files[0].Path}
		if s.NoStart {
			return [][]string{create}
		}
		return [][]string{create, {"schtasks", "/Run", "/TN", taskName}}
	}
	return nil
}

// stopCommands are the manager's commands before the files at paths go.
func stopCommands(m Manager, paths []string) [][]string {
	switch m {
	case Systemd:
		c := []string{"systemctl", "--user", "disable", "--now"}
		for _, p := range paths {
			c = append(c, filepath.Base(p))
		}
		return [][]string{c}
	case Launchd:
		return [][]string{{"launchctl", "bootout", fmt.Sprintf("gui/%d/%s", os.Getuid(), label)}}
	case Windows:
		return [][]string{{"schtasks", "/End", "/TN", taskName}, {"schtasks", "/Delete", "/F", "/TN", taskName}}
	}
	return nil
}
