package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestDocs holds docs/reference/cli.md to the commands and exit codes that
// there are.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../../docs/reference/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	commands, rest, _ := strings.Cut(string(data), "## Flags for every command")
	_, codes, _ := strings.Cut(rest, "## Exit codes")

	documented := firstCells(commands)
	root := rootCmd(newApp(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}))
	eachCommand(root, func(c *cobra.Command) {
		if !documented[c.CommandPath()] {
			t.Errorf("docs/reference/cli.md does not have %s", c.CommandPath())
		}
		delete(documented, c.CommandPath())
	})
	for path := range documented {
		t.Errorf("docs/reference/cli.md has %s, which is no command", path)
	}

	listed := firstCells(codes)
	for _, code := range []int{exitOK, exitFailed, exitUsage, exitJob, exitCredentials, exitNotFound, exitUnreachable, exitPartly, exitTimedOut, exitSignature} {
		if !listed[strconv.Itoa(code)] {
			t.Errorf("docs/reference/cli.md does not have the exit code %d", code)
		}
		delete(listed, strconv.Itoa(code))
	}
	delete(listed, "130`, `143") // 128 + the signal
	for code := range listed {
		t.Errorf("docs/reference/cli.md has the exit code %s, which no command ends with", code)
	}
}

// TestFields holds the table of fields to the commands that there are.
func TestFields(t *testing.T) {
	root := rootCmd(newApp(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}))
	known := map[string]bool{}
	eachCommand(root, func(c *cobra.Command) {
		_, path, _ := strings.Cut(c.CommandPath(), " ")
		known[path] = true
		if _, ok := printed[path]; ok && len(fieldsOf(c)) == 0 {
			t.Errorf("%s has no fields", path)
		}
	})
	for path := range printed {
		if !known[path] {
			t.Errorf("the fields of %q are those of no command", path)
		}
	}
}

// TestHelpFitsTheTerminal holds every line of help to 80 columns, where there
// is no terminal, and every flag that takes a value to a name for it.
func TestHelpFitsTheTerminal(t *testing.T) {
	var out bytes.Buffer
	root := rootCmd(newApp(strings.NewReader(""), &out, &out))
	eachCommand(root, func(c *cobra.Command) {
		out.Reset()
		c.SetOut(&out)
		if err := c.Help(); err != nil {
			t.Errorf("%s: %v", c.CommandPath(), err)
		}
		for line := range strings.Lines(out.String()) {
			if got := ansi.StringWidth(strings.TrimRight(line, "\n")); got > 80 {
				t.Errorf("%s: got %d columns, want at most 80: %s", c.CommandPath(), got, line)
			}
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if name, _ := pflag.UnquoteUsage(f); name != strings.ToUpper(name) {
				t.Errorf("%s --%s: got %q for its value, want a name in capitals", c.CommandPath(), f.Name, name)
			}
		})
	})
}

// eachCommand visits every command below c that does something by itself.
func eachCommand(c *cobra.Command, visit func(*cobra.Command)) {
	for _, sub := range c.Commands() {
		switch {
		case sub.HasSubCommands():
			eachCommand(sub, visit)
		case sub.Name() != "help" && sub.IsAvailableCommand():
			visit(sub)
		}
	}
}

// firstCells returns what stands in backticks in the first cell of each row.
func firstCells(page string) map[string]bool {
	out := map[string]bool{}
	for line := range strings.Lines(page) {
		if row, ok := strings.CutPrefix(line, "| `"); ok {
			cell, _, _ := strings.Cut(row, "` | ")
			out[cell] = true
		}
	}
	return out
}
