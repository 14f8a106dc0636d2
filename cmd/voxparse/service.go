package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/service"
)

// installed is what daemon install --json prints.
type installed struct {
	Manager service.Kind `json:"manager"`
	Files   []string     `json:"files"`
	Started bool         `json:"started"`
	Linger  *bool        `json:"linger,omitempty"` // systemd only
	Advice  []string     `json:"advice,omitempty"`
}

// installFlags are the flags of daemon install.
type installFlags struct{ socket, linger, noStart, print bool }

func daemonInstallCmd(a *app) *cobra.Command {
	var f installFlags
	c := &cobra.Command{
		Use: "install", Short: "Have the system start the daemon at every log-in", Args: args(),
		Long: `Have the system's service manager start the daemon now, at every log-in, and again
should it fail: a systemd user unit on Linux, a launchd agent on macOS, a logon
task on Windows. Settings that come from variables of this shell go with it.`,
		Example: "  voxparse daemon install\n  voxparse daemon install --socket-activation --linger\n  voxparse daemon install --print",
		RunE:    func(c *cobra.Command, _ []string) error { return a.install(c.Context(), f) },
	}
	c.Flags().BoolVar(&f.socket, "socket-activation", false, "systemd: bind the socket at log-in, and start the daemon when it is used too")
	c.Flags().BoolVar(&f.linger, "linger", false, "systemd: start at boot and keep running after logout")
	c.Flags().BoolVar(&f.noStart, "no-start", false, "set it up for the next log-in only")
	c.Flags().BoolVar(&f.print, "print", false, "print the definitions and change nothing")
	return c
}

func daemonUninstallCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "uninstall", Short: "Undo daemon install; settings and data stay", Args: args(), Example: "  voxparse daemon uninstall",
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := service.For(runtime.GOOS)
			if err != nil {
				return err
			}
			dirs, err := a.serviceDirs(c.Context())
			if err != nil {
				return err
			}
			if service.Installed(m, dirs) {
				if err := reachable(c.Context(), m); err != nil {
					return err
				}
			}
			removed, err := service.Uninstall(c.Context(), m, dirs, runCommand)
			if err != nil {
				return err
			}
			if removed == nil {
				removed = []string{}
			}
			return printOne(a, map[string][]string{"removed": removed}, strings.Join(removed, "\n"), func() {
				if len(removed) == 0 {
					a.printf("the daemon is not installed\n")
				}
				for _, path := range removed {
					a.printf("removed %s\n", oneLine(path))
				}
			})
		},
	}
}

func (a *app) install(ctx context.Context, f installFlags) error {
	m, err := service.For(runtime.GOOS)
	if err != nil {
		return err
	}
	if m != service.Systemd && (f.socket || f.linger) {
		return usagef("--socket-activation and --linger are for systemd, and this system has %s", m)
	}
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	spec, advice, err := a.serviceSpec(cfg, m)
	if err != nil {
		return err
	}
	spec.Socket, spec.NoStart = f.socket, f.noStart
	dirs, err := a.serviceDirs(ctx)
	if err != nil {
		return err
	}
	if f.print {
		return a.printService(m, spec, dirs)
	}
	if err := reachable(ctx, m); err != nil {
		return err
	}
	if m == service.Windows {
		if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
			return fmt.Errorf("make the data folder: %w", err)
		}
	}
	if err := a.makeRoom(ctx, f.noStart); err != nil {
		return err
	}
	files, err := service.Install(ctx, m, spec, dirs, runCommand)
	if err != nil {
		return err
	}
	out := installed{Manager: m, Started: !f.noStart, Advice: advice}
	for _, file := range files {
		out.Files = append(out.Files, file.Path)
	}
	if m == service.Systemd {
		if err := a.linger(ctx, f.linger, &out); err != nil {
			return err
		}
	}
	return a.printInstalled(out)
}

// makeRoom stops a daemon that was started by hand, so that the service's own
// finds the database free.
func (a *app) makeRoom(ctx context.Context, noStart bool) error {
	if noStart {
		return nil
	}
	cl, err := a.local(ctx, nil)
	if err != nil {
		return err
	}
	stopped, err := a.stopDaemon(ctx, cl)
	if stopped {
		a.notice("the daemon that ran was stopped; the service takes its place")
	}
	return err
}

// linger does or advises what keeps the service running after log-out.
func (a *app) linger(ctx context.Context, wanted bool, out *installed) error {
	u, err := user.Current()
	if err != nil {
		return fmt.Errorf("find out who you are: %w", err)
	}
	on := service.Lingers(u.Username)
	if wanted && !on {
		if err := runCommand(ctx, "loginctl", "enable-linger", u.Username); err != nil {
			return fmt.Errorf("the service is installed, but does not linger: %w", err)
		}
		on = true
	}
	if out.Linger = &on; !on {
		out.Advice = append(out.Advice, "it stops when you log out; to have it run always: loginctl enable-linger "+u.Username)
	}
	return nil
}

func (a *app) printInstalled(out installed) error {
	return printOne(a, out, strings.Join(out.Files, "\n"), func() {
		for _, path := range out.Files {
			a.printf("wrote %s\n", oneLine(path))
		}
		if out.Started {
			a.printf("the daemon runs, and starts at every log-in; see: voxparse daemon status\n")
		} else {
			a.printf("the daemon starts at the next log-in\n")
		}
		for _, line := range out.Advice {
			a.notice("%s", oneLine(line))
		}
	})
}

// definition is one file of daemon install --print --json.
type definition struct {
	Path string `json:"path"`
	Body string `json:"body"`
}

func (a *app) printService(m service.Kind, s service.Spec, d service.Dirs) error {
	files, err := service.Files(m, s, d)
	if err != nil {
		return err
	}
	list := make([]definition, 0, len(files))
	for _, f := range files {
		list = append(list, definition{f.Path, string(f.Body)})
	}
	if a.json {
		return a.printJSON(listing[definition]{list})
	}
	for i, f := range list {
		if i > 0 {
			a.printf("\n")
		}
		a.printf("# %s\n", f.Path)
		if err := a.printText(f.Body); err != nil {
			return err
		}
	}
	return nil
}

// serviceSpec says how the service manager is to run this program, and what
// the user should know of it.
func (a *app) serviceSpec(cfg *config.Config, m service.Kind) (service.Spec, []string, error) {
	self, err := os.Executable()
	if err != nil {
		return service.Spec{}, nil, fmt.Errorf("find this program: %w", err)
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	if strings.Contains(self, string(filepath.Separator)+"go-build") {
		return service.Spec{}, nil, api.Errorf(api.Invalid, "%s is gone when `go run` ends; build or install voxparse first", self)
	}
	s := service.Spec{Program: self, Args: []string{"daemon", "run"}, LogFile: cfg.LogFile(), Grace: cfg.Grace}
	if m != service.Systemd {
		s.Args = append(s.Args, "--background") // no journal there: it keeps a log file
	}
	if a.config != "" || os.Getenv("VOXPARSE_CONFIG") != "" {
		s.Args = append(s.Args, "--config", cfg.ConfigFile)
	}
	if from := cfg.Origin("socket").From; from == config.FromFlag || from == config.FromEnv {
		s.Args = append(s.Args, "--socket", cfg.Socket)
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); cfg.Socket != filepath.Join(dir, "voxparse", "voxparse.sock") {
		s.Listen = cfg.Socket
	}
	if s.Env, err = serviceEnv(cfg); err != nil {
		return service.Spec{}, nil, err
	}
	if m == service.Windows {
		if u, err := user.Current(); err == nil {
			s.User = u.Username
		}
	}
	return s, secretAdvice(cfg), nil
}

// serviceEnv returns the variables of this shell that the daemon reads and that
// change something. No secret is among them.
func serviceEnv(cfg *config.Config) (map[string]string, error) {
	plain, err := config.Load(nil, func(name string) string { // the settings of nobody in particular
		if name == "HOME" {
			return os.Getenv(name)
		}
		return ""
	})
	if err != nil {
		return nil, fmt.Errorf("read the settings as the service will: %w", err)
	}
	defaults := map[string]any{}
	for _, e := range plain.Entries() {
		if e.Origin.From == config.FromDefault {
			defaults[e.Key] = e.Value
		}
	}
	env := map[string]string{}
	for _, e := range cfg.Entries() {
		if e.Origin.From != config.FromEnv || e.Key == "socket" || fmt.Sprint(e.Value) == fmt.Sprint(defaults[e.Key]) {
			continue
		}
		env[e.Origin.Where] = os.Getenv(e.Origin.Where)
		if path, ok := e.Value.(string); ok {
			env[e.Origin.Where] = path // made absolute where it is a path
		}
	}
	if v := os.Getenv("VOXPARSE_NO_KEYRING"); v != "" {
		env["VOXPARSE_NO_KEYRING"] = v
	}
	home := os.Getenv("HOME")
	for name, usual := range map[string]string{"XDG_CONFIG_HOME": ".config", "XDG_DATA_HOME": ".local/share", "XDG_CACHE_HOME": ".cache"} {
		if v := os.Getenv(name); filepath.IsAbs(v) && filepath.Clean(v) != filepath.Join(home, usual) {
			env[name] = v
		}
	}
	return env, nil
}

// secretAdvice names the keys that are in variables of this shell, which the
// service does not see, and which have no place in its file.
func secretAdvice(cfg *config.Config) []string {
	refs := map[string]string{"analysis.key": cfg.Analysis.Key}
	for name, e := range cfg.Engines {
		refs["engines."+name+".key"] = e.Key
	}
	var out []string
	for key, ref := range refs {
		if strings.HasPrefix(ref, "env:") {
			out = append(out, fmt.Sprintf("%s is %s, a variable that the service does not have; use file:PATH or keyring:NAME", key, ref))
		}
	}
	return out
}

// serviceDirs returns where the definitions go. systemd's own idea of the
// folder for settings counts, not this shell's.
func (a *app) serviceDirs(ctx context.Context) (service.Dirs, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return service.Dirs{}, fmt.Errorf("find your home: %w", err)
	}
	cfg, err := a.settings()
	if err != nil {
		return service.Dirs{}, err
	}
	d := service.Dirs{Home: home, Config: filepath.Join(home, ".config"), Data: cfg.DataDir}
	mine := os.Getenv("XDG_CONFIG_HOME")
	if runtime.GOOS != "linux" || !filepath.IsAbs(mine) {
		return d, nil
	}
	out, err := exec.CommandContext(ctx, "systemctl", "--user", "show", "--property=UnitPath", "--value").Output()
	if err != nil || strings.Contains(" "+string(out)+" ", " "+filepath.Join(mine, "systemd", "user")+" ") {
		d.Config = mine // or nobody to ask
	}
	return d, nil
}

// runCommand runs a command of the service manager.
func runCommand(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err == nil {
		return nil
	}
	if text := strings.TrimSpace(string(out)); text != "" {
		return fmt.Errorf("%s (%w)", text, err)
	}
	return err
}

// reachable returns an error with its fix where the service manager cannot be
// spoken to.
func reachable(ctx context.Context, m service.Kind) error {
	if m != service.Systemd {
		return nil
	}
	err := runCommand(ctx, "systemctl", "--user", "show-environment")
	var missing *exec.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return api.Errorf(api.Unavailable, "this system has no systemctl; start the daemon from its own start-up scripts: voxparse daemon run")
	case os.Geteuid() == 0 && os.Getenv("SUDO_USER") != "":
		return api.Errorf(api.Unavailable, "sudo has no session of its own (%v); the daemon belongs to a user: run it as %s, without sudo", err, os.Getenv("SUDO_USER"))
	}
	name := "USER"
	if u, uerr := user.Current(); uerr == nil {
		name = u.Username
	}
	return api.Errorf(api.Unavailable, "no systemd user manager answers here (%v)\n"+
		"after su, or from cron: log in as %s itself, or run: sudo loginctl enable-linger %s; export XDG_RUNTIME_DIR=/run/user/%d\n"+
		"in a container: make this its program instead: voxparse daemon run", err, name, name, os.Getuid())
}
