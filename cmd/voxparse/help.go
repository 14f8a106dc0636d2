package main

import "github.com/spf13/cobra"

const rootLong = `voxparse transcribes audio on this machine and tells your own systems by signed webhooks.

Results go to stdout; progress, notices and errors to stderr. Commands that need
the daemon start it when it is not running.`

const rootExample = `  voxparse transcribe call.mp3
  voxparse transcribe interviews/ -f srt,txt -o transcripts/
  voxparse webhooks add https://example.com/hooks/voxparse
  voxparse transcribe call.mp3 --async --metadata ticket_id=T-1234
  voxparse listen --forward-to http://localhost:3000/hooks
  voxparse watch add ~/calls --after move`

// usageTemplate is cobra's, shorter: the global flags are explained once, and a
// command that only holds others is not offered as one of its own.
const usageTemplate = `Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}
{{- if .Aliases}}

Also called:
  {{.NameAndAliases}}
{{- end}}
{{- if .HasExample}}

Examples:
{{.Example}}
{{- end}}
{{- if .HasAvailableSubCommands}}
{{- $cmds := .Commands}}
{{- if .Groups}}
{{- range $group := .Groups}}

{{.Title}}
{{- range $cmds}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}
{{- end}}{{end}}
{{- end}}
{{- else}}

Commands:
{{- range $cmds}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}
{{- end}}{{end}}
{{- end}}
{{- end}}
{{- if .HasParent}}
{{- if not .HasAvailableSubCommands}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{- end}}

Global flags, in "voxparse --help": --json, -q, --color, --socket, --config
{{- else}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}

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
{{- end}}
{{- if .HasAvailableSubCommands}}

More on a command: {{.CommandPath}} COMMAND --help
{{- end}}
`

// helpCmd is cobra's, except that an unknown command is an error.
func helpCmd() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Help on a command", GroupID: "run", Example: "  voxparse help jobs list",
		ValidArgsFunction: completeCommands,
		RunE: func(c *cobra.Command, words []string) error {
			of, rest, err := c.Root().Find(words)
			if err != nil || len(rest) > 0 {
				if of == nil || !of.HasAvailableSubCommands() {
					return usagef("there is no command %q", words)
				}
				return groupRun(of, rest)
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		},
	}
}

// completeCommands offers the commands below the words that stand already.
func completeCommands(c *cobra.Command, words []string, _ string) ([]string, cobra.ShellCompDirective) {
	of, rest, err := c.Root().Find(words)
	if err != nil || len(rest) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, s := range of.Commands() {
		if s.IsAvailableCommand() {
			out = append(out, s.Name()+"\t"+s.Short)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
