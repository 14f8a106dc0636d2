package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cli/go-gh/v2/pkg/jq"
	"github.com/cli/go-gh/v2/pkg/template"
	"github.com/spf13/cobra"
)

// format is what --json=FIELDS, --jq and --template make of the JSON.
type format struct {
	fields       []string
	jq, template string
}

// everything is what --json is without fields.
const everything = "FIELDS"

// define adds the flags for every command.
func (f *format) define(root *cobra.Command, a *app) {
	flags := root.PersistentFlags()
	flags.VarPF(&jsonValue{a}, "json", "", "print JSON: one object, lists as {\"items\":[…]}, streams one object a line; only these fields, as in --json=id,status").NoOptDefVal = everything
	flags.StringVar(&f.jq, "jq", "", "print what this jq `EXPRESSION` makes of the JSON; strings without quotes")
	flags.StringVar(&f.template, "template", "", "print the JSON by this Go `TEMPLATE`, with the functions of gh: tablerow, timeago, truncate, join, pluck, …")
	completeBy(root, "json", completeFields)
	completeBy(root, "jq", cobra.NoFileCompletions)
	completeBy(root, "template", cobra.NoFileCompletions)
}

// check finds what is wrong with the flags before the command does anything.
func (f *format) check(c *cobra.Command) error {
	given := c.Flags().Changed
	switch {
	case given("jq") && given("template"):
		return usagef("give --jq or --template, not both")
	case given("jq"):
		err := jq.Evaluate(unread{}, io.Discard, f.jq)
		if !errors.Is(err, errUnread) {
			return usagef("--jq: %v", err)
		}
	case given("template"):
		if err := template.New(io.Discard, 0, false).Parse(f.template); err != nil {
			return usagef("--template: %v", err)
		}
	}
	return checkFields(c, f.fields)
}

// errUnread is the end of an expression that is only checked.
var errUnread = errors.New("there is no input")

// unread is the input of an expression that is only checked: it is read after
// the expression is understood.
type unread struct{}

func (unread) Read([]byte) (int, error) { return 0, errUnread }

// write writes v through the expression or the template. Text of others cannot
// drive a terminal: an expression has no control characters to write, and a
// template, which has colors, gets none to write.
func (f *format) write(a *app, v any) error {
	raw, err := marshal(v)
	if err != nil {
		return err
	}
	if f.jq != "" {
		indent := ""
		if a.style.tty {
			indent = "  "
		}
		var out bytes.Buffer
		failed := jq.EvaluateFormatted(bytes.NewReader(raw), &out, f.jq, indent, false)
		if failed != nil {
			failed = fmt.Errorf("--jq: %w", failed)
		}
		return errors.Join(a.printText(out.String()), failed)
	}
	if a.style.tty {
		if raw, err = cleanJSON(raw); err != nil {
			return err
		}
	}
	return f.writeTemplate(a, raw)
}

// unlimited is the width of a table that is for no terminal.
const unlimited = 1 << 20

func (f *format) writeTemplate(a *app, raw []byte) error {
	width := unlimited
	if a.style.width > 0 {
		width = a.style.width
	}
	t := template.New(a.out, width, a.style.colored())
	err := t.Parse(f.template)
	if err == nil {
		err = t.Execute(bytes.NewReader(raw))
	}
	if err == nil {
		err = t.Flush()
	}
	if err != nil {
		return fmt.Errorf("--template: %w", err)
	}
	return nil
}

// marshal is encoding/json's, with <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write the answer: %w", err)
	}
	return b.Bytes(), nil
}

// cleanJSON is clean for every string in a JSON text.
func cleanJSON(raw []byte) ([]byte, error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return marshal(cleanTree(v))
}

func cleanTree(v any) any {
	switch v := v.(type) {
	case string:
		return clean(v)
	case []any:
		for i := range v {
			v[i] = cleanTree(v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			out[clean(name)] = cleanTree(value)
		}
		return out
	}
	return v
}

// jsonValue is the value of --json: nothing, or the fields that are wanted.
type jsonValue struct{ a *app }

func (v *jsonValue) String() string { return "" }

// Type is that of a flag that may stand alone.
func (v *jsonValue) Type() string { return "bool" }

func (v *jsonValue) Set(s string) error {
	if on, err := strconv.ParseBool(s); err == nil || s == everything {
		v.a.json = on || s == everything
		return nil
	}
	v.a.json = true
	for f := range strings.SplitSeq(s, ",") {
		v.a.format.fields = append(v.a.format.fields, strings.TrimSpace(f))
	}
	return nil
}

// joinFields makes one word of --json and the word after it, which may be the
// fields. It is asked where the words cannot be meant as they stand.
func joinFields(words []string) ([]string, bool) {
	for i, w := range words {
		if w == "--" {
			break
		}
		if w == "--json" && i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") {
			out := append([]string{}, words[:i]...)
			return append(append(out, "--json="+words[i+1]), words[i+2:]...), true
		}
	}
	return nil, false
}
