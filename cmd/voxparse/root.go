package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/config"
)

// app is what every command shares: the streams, the global flags, and the
// settings once something needs them.
type app struct {
	in       io.Reader
	out      io.Writer
	err      io.Writer
	style    style // of stdout
	errStyle style // of stderr
	started  bool  // a command runs: the command line was understood

	json, quiet           bool
	color, socket, config string

	cfg *config.Config
}

func newApp(in io.Reader, out, errw io.Writer) *app {
	a := &app{in: in, out: out, err: errw, color: "auto"}
	a.style, a.errStyle = newStyle(out, "auto"), newStyle(errw, "auto")
	return a
}

const rootLong = `voxparse transcribes audio on this machine and tells your own systems by signed webhooks.

Results go to stdout; progress, notices and errors to stderr. Commands that need
the daemon start it when it is not running.`

const rootExample = `  voxparse transcribe call.mp3
  voxparse transcribe interviews/ -f srt,txt -o transcripts/
  voxparse webhooks add https://example.com/hooks/voxparse
  voxparse transcribe call.mp3 --async --metadata ticket_id=T-1234
  voxparse listen --forward-to http://localhost:3000/hooks
  voxparse watch add ~/calls --after move`

const rootEnv = `
Environment:
  VOXPARSE_NO_AUTOSTART=1   never start the daemon by itself
  VOXPARSE_URL, VOXPARSE_API_KEY
                            talk to a daemon over TCP instead of the socket
  VOXPARSE_CONFIG, VOXPARSE_SOCKET, VOXPARSE_MODEL, …
                            every setting of "voxparse config show"
  NO_COLOR                  no colour

Exit codes:
  0 ok   1 error   2 usage   3 job failed or cancelled   4 credentials   5 not found
  6 daemon unreachable   8 part of a batch failed   9 wait timed out (the job goes on)
  10 signature invalid   130, 143 signals
`

func rootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:               "voxparse",
		Short:             "Transcribe audio on this machine, and tell your systems by webhook",
		Long:              rootLong,
		Example:           rootExample,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.start() },
		Args:              cobra.ArbitraryArgs,
		RunE:              groupRun,
	}
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print JSON: one object, lists as {\"items\":[…]}, streams one object a line")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "print ids only, and no progress")
	f.StringVar(&a.color, "color", "auto", "colour: auto, always or never")
	f.StringVar(&a.socket, "socket", "", "Unix socket of the daemon")
	f.StringVar(&a.config, "config", "", "config file")
	complete(root, "color", "auto", "always", "never")
	root.AddGroup(&cobra.Group{ID: "work", Title: "Transcripts:"}, &cobra.Group{ID: "tell", Title: "Webhooks:"}, &cobra.Group{ID: "run", Title: "Machine:"})
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("work", transcribeCmd(a), jobsCmd(a), searchCmd(a), watchCmd(a))
	add("tell", webhooksCmd(a), listenCmd(a))
	add("run", modelsCmd(a), daemonCmd(a), statusCmd(a), doctorCmd(a), configCmd(a), keysCmd(a), completionCmd(a), versionCmd(a))
	root.SetHelpCommandGroupID("run")
	root.SetUsageTemplate(root.UsageTemplate() + "{{if not .HasParent}}" + rootEnv + "{{end}}")
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetIn(a.in)
	return root
}

// start runs before every command.
func (a *app) start() error {
	switch a.color {
	case "auto", "always", "never":
	default:
		return fmt.Errorf("--color is auto, always or never, not %q", a.color)
	}
	a.style, a.errStyle = newStyle(a.out, a.color), newStyle(a.err, a.color)
	a.started = true
	return nil
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

// args checks the number of arguments and names what is missing.
func args(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, got []string) error {
		many := len(names) > 0 && strings.HasSuffix(names[len(names)-1], "…")
		switch {
		case len(got) < len(names):
			return fmt.Errorf("missing %s; usage: %s", names[len(got)], c.UseLine())
		case len(got) > len(names) && !many:
			return fmt.Errorf("%q is one argument too many; usage: %s", got[len(names)], c.UseLine())
		}
		return nil
	}
}

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
