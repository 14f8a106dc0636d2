package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/config"
)

// app is what every command shares: the streams, the global flags, and the
// settings once something needs them.
type app struct {
	in       io.Reader
	out      *sink
	err      io.Writer
	style    style // of stdout
	errStyle style // of stderr
	started  bool  // a command runs: the command line was understood

	json, quiet           bool
	format                format
	color, socket, config string

	cfg *config.Config

	spawning sync.Mutex // one upload of a batch starts a daemon that went away
}

func newApp(in io.Reader, out, errw io.Writer) *app {
	a := &app{in: in, out: &sink{w: out}, err: errw, color: "auto"}
	a.style, a.errStyle = newStyle(out, "auto"), newStyle(errw, "auto")
	return a
}

func rootCmd(a *app) *cobra.Command {
	cobra.EnableCommandSorting = false
	root := &cobra.Command{
		Use:               "voxparse",
		Version:           version,
		Short:             "Transcribe audio on this machine, and tell your systems by webhook",
		Long:              rootLong,
		Example:           rootExample,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(c *cobra.Command, _ []string) error { return a.start(c) },
		Args:              cobra.ArbitraryArgs,
		RunE:              groupRun,
	}
	f := root.PersistentFlags()
	a.format.define(root, a)
	f.BoolVarP(&a.quiet, "quiet", "q", false, "print ids only, and no progress")
	f.StringVar(&a.color, "color", "auto", "color `WHEN`: auto, always or never")
	f.StringVar(&a.socket, "socket", "", "`PATH` of the daemon's Unix socket")
	f.StringVar(&a.config, "config", "", "settings from this `FILE`")
	complete(root, "color", "auto", "always", "never")
	root.AddGroup(&cobra.Group{ID: "work", Title: "Transcripts:"}, &cobra.Group{ID: "tell", Title: "Webhooks:"}, &cobra.Group{ID: "run", Title: "Machine:"})
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	f.SortFlags = false
	root.Flags().Bool("version", false, "print the version")
	add("work", transcribeCmd(a), jobsCmd(a), searchCmd(a), watchCmd(a), mcpCmd(a))
	add("tell", webhooksCmd(a), listenCmd(a))
	add("run", modelsCmd(a), daemonCmd(a), statusCmd(a), doctorCmd(a), configCmd(a), keysCmd(a), completionCmd(a), versionCmd(a))
	completeNothing(root)
	root.SetHelpCommand(helpCmd())
	cobra.AddTemplateFunc("flagUsages", func(f *pflag.FlagSet) string { return f.FlagUsagesWrapped(a.helpWidth()) })
	cobra.AddTemplateFunc("wrapText", func(s string) string { return wrapText(s, a.helpWidth()) })
	cobra.AddTemplateFunc("foldCommands", func(s string) string { return foldCommands(s, a.helpWidth()) })
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate(helpTemplate)
	root.SetVersionTemplate(versionLine())
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetIn(a.in)
	return root
}

// start runs before every command.
func (a *app) start(c *cobra.Command) error {
	switch a.color {
	case "auto", "always", "never":
	default:
		return fmt.Errorf("--color is auto, always or never, not %q", a.color)
	}
	a.style, a.errStyle = newStyle(a.out.w, a.color), newStyle(a.err, a.color)
	a.started = true
	if err := a.format.check(c); err != nil {
		a.json = false // whoever writes fields or an expression reads the error
		return err
	}
	a.json = a.json || a.format.jq != "" || a.format.template != ""
	return a.checkRemote(c)
}

// group returns a command that only holds others.
func group(use, short, example string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Example: example, Args: cobra.ArbitraryArgs, RunE: groupRun}
	c.AddCommand(subs...)
	return c
}

// groupRun shows help, or says what an unknown subcommand was meant to be.
func groupRun(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	var names []string
	for _, s := range c.Commands() {
		if s.IsAvailableCommand() {
			names = append(append(names, s.Name()), s.Aliases...)
		}
	}
	msg := fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath())
	if near := api.Nearest(args[0], names); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	} else if !c.HasParent() {
		if _, err := os.Stat(args[0]); err == nil {
			msg += fmt.Sprintf("; to transcribe the file: voxparse transcribe %s", args[0])
		}
	}
	return usageError{msg + "\nsee: " + c.CommandPath() + " --help"}
}

// flagNames lists the flags that c knows.
func flagNames(c *cobra.Command) []string {
	var out []string
	visit := func(f *pflag.Flag) { out = append(out, f.Name) }
	c.Flags().VisitAll(visit)
	c.InheritedFlags().VisitAll(visit)
	return out
}

// completeNothing keeps the shell from offering files to the commands that take
// none.
func completeNothing(c *cobra.Command) {
	takesFiles := strings.Contains(c.Use, "FILE") || strings.Contains(c.Use, "DIR") || strings.Contains(c.Use, "BODY")
	if !c.HasSubCommands() && c.ValidArgsFunction == nil && len(c.ValidArgs) == 0 && !takesFiles {
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, s := range c.Commands() {
		completeNothing(s)
	}
}

// complete gives a flag its fixed words for the shell.
func complete(c *cobra.Command, flag string, words ...string) {
	completeBy(c, flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	})
}

func completeBy(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(fmt.Sprintf("complete --%s: %v", flag, err)) // a flag that this program does not define
	}
}

// alsoNamed makes a flag's former name work.
func alsoNamed(c *cobra.Command, name, former string) {
	normalize := c.Flags().GetNormalizeFunc()
	c.Flags().SetNormalizeFunc(func(f *pflag.FlagSet, s string) pflag.NormalizedName {
		if s == former {
			s = name
		}
		return normalize(f, s)
	})
}

// oneOf checks a flag that takes one of a few words; empty is none of them.
func oneOf(flag, v string, allowed ...string) error {
	if v == "" || slices.Contains(allowed, v) {
		return nil
	}
	msg := fmt.Sprintf("--%s %s: want one of %s", flag, v, strings.Join(allowed, ", "))
	if near := api.Nearest(v, allowed); near != "" {
		msg += fmt.Sprintf("; did you mean %s?", near)
	}
	return usageError{msg}
}

// args checks the number of arguments and names what is missing.
func args(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, got []string) error {
		many := len(names) > 0 && strings.HasSuffix(names[len(names)-1], "…")
		switch {
		case len(got) < len(names):
			return fmt.Errorf("missing %s; usage: %s", names[len(got)], c.UseLine())
		case len(got) > len(names) && !many:
			return surplusError{fmt.Sprintf("%q is one argument too many; usage: %s", got[len(names)], c.UseLine())}
		case slices.Contains(got, ""):
			return fmt.Errorf("an argument is empty; is a variable not set?")
		}
		return nil
	}
}

// surplusError is a word that the command has no place for.
type surplusError struct{ msg string }

func (e surplusError) Error() string { return e.msg }

// settings loads the settings once.
func (a *app) settings() (*config.Config, error) {
	if a.cfg != nil {
		return a.cfg, nil
	}
	c, err := config.Load(a.flags(nil), os.Getenv)
	if err != nil {
		return nil, err
	}
	a.cfg = c
	return c, nil
}

// flags returns the settings that the command line gives.
func (a *app) flags(more map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range more {
		out[k] = v
	}
	if a.config != "" {
		out["config"] = a.config
	}
	if a.socket != "" {
		out["socket"] = a.socket
	}
	return out
}
