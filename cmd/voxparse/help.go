package main

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
)

const rootLong = `voxparse transcribes audio on this machine and tells your own systems by signed
webhooks.

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
{{foldCommands .Example}}
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
{{flagUsages .LocalFlags | trimTrailingWhitespaces}}
{{- end}}

Global flags, in "voxparse --help":
  --json[=FIELDS], --jq, --template, -q, --color, --socket, --config
{{- else}}

Flags:
{{flagUsages .LocalFlags | trimTrailingWhitespaces}}

Environment:
  VOXPARSE_NO_AUTOSTART=1   never start the daemon by itself
  VOXPARSE_URL, VOXPARSE_API_KEY
                            talk to a daemon over TCP instead of the socket
  VOXPARSE_CONFIG, VOXPARSE_SOCKET, VOXPARSE_MODEL, …
                            every setting of "voxparse config show"
  NO_COLOR                  no color

Exit codes:
  0 ok   1 error   2 usage   3 job failed or cancelled   4 credentials
  5 not found   6 daemon unreachable   8 part of a batch failed
  9 wait timed out (the job continues)   10 signature invalid
  130, 143 signals
{{- end}}
{{- if .HasAvailableSubCommands}}

More on a command: {{.CommandPath}} COMMAND --help
{{- end}}
`

// helpTemplate is cobra's, with the text wrapped at the width of the terminal.
const helpTemplate = `{{with or .Long .Short}}{{wrapText .}}

{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}{{end}}`

// wrapText fills the lines of each paragraph up to width columns. A paragraph
// that begins with a space is left as it is.
func wrapText(text string, width int) string {
	paragraphs := strings.Split(strings.TrimSpace(text), "\n\n")
	for i, p := range paragraphs {
		if !strings.HasPrefix(p, " ") {
			paragraphs[i] = fill(strings.Fields(p), width)
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// fill joins words into lines of at most width columns; a word that is wider
// has a line of its own.
func fill(words []string, width int) string {
	var b strings.Builder
	used := 0
	for i, w := range words {
		n := ansi.StringWidth(w)
		switch {
		case i == 0:
		case used+1+n > width:
			b.WriteByte('\n')
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(w)
		used += n
	}
	return b.String()
}

// foldCommands breaks the lines of examples that are wider than width before a
// flag, as a shell lets one do.
func foldCommands(example string, width int) string {
	var out []string
	for line := range strings.SplitSeq(example, "\n") {
		for ansi.StringWidth(line) > width {
			cut := strings.LastIndex(ansi.Truncate(line, width-1, ""), " -")
			if cut <= len("    ") {
				break
			}
			out = append(out, line[:cut]+" \\")
			line = "     " + line[cut:]
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// helpWidth is how many columns the lines of help may take: those of the
// terminal, 80 without one, and no more than are easy to read.
func (a *app) helpWidth() int {
	if a.style.width <= 0 {
		return 80
	}
	return max(40, min(a.style.width, 100))
}

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
