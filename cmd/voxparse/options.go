package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
)

// optionFlags are the flags of the options that a command takes, bound to the
// fields of into, a pointer to a struct, that bear the options' JSON names.
type optionFlags struct {
	into  any
	wrong []string // a line for each value that cannot be
}

// define adds the flags of the options on that surface, except those named.
func (f *optionFlags) define(c *cobra.Command, on api.Surface, except ...string) {
	c.Flags().SortFlags = false
	for _, o := range api.OptionsOn(on) {
		if slices.Contains(except, o.Name) {
			continue
		}
		flag := c.Flags().VarPF(&optionValue{flags: f, option: o}, o.FlagName(), o.Short, o.Usage())
		flag.DefValue = "" // Usage tells it
		if o.Kind == api.KindBool {
			flag.NoOptDefVal = "true"
		}
		if words := append(o.Words, o.Examples...); len(words) > 0 {
			complete(c, o.FlagName(), words...)
		}
	}
}

// check returns what is wrong with the values that the command line gave.
func (f *optionFlags) check() error {
	if len(f.wrong) > 0 {
		return usageError{strings.Join(f.wrong, "\n")}
	}
	return nil
}

// changed returns the options that the command line named, by JSON name.
func (f *optionFlags) changed(c *cobra.Command, on api.Surface) map[string]any {
	out := map[string]any{}
	for _, o := range api.OptionsOn(on) {
		if c.Flags().Changed(o.FlagName()) {
			out[o.Name] = o.Get(f.into)
		}
	}
	return out
}

// optionValue is the value of one flag: a pflag.Value. What is wrong with it
// is kept, so that everything wrong is told at once.
type optionValue struct {
	flags  *optionFlags
	option api.Option
	given  bool
}

func (v *optionValue) String() string {
	if v.flags == nil { // pflag makes one to see what the zero value looks like
		return ""
	}
	return strings.Join(v.option.Values(v.flags.into), ",")
}

func (v *optionValue) Set(s string) error {
	if !v.given { // what was there is a default
		v.option.Clear(v.flags.into)
		v.given = true
	}
	values := []string{s}
	if v.option.Kind == api.KindList {
		values = splitList(s)
	}
	for _, value := range values {
		if err := v.option.Set(v.flags.into, value); err != nil {
			v.flags.wrong = append(v.flags.wrong, fmt.Sprintf("--%s: %v", v.option.FlagName(), err))
		}
	}
	return nil
}

// Type names the value in a line of help; "bool" is left out there.
func (v *optionValue) Type() string {
	if v.option.Kind == api.KindBool {
		return "bool"
	}
	return v.option.Value
}

// splitList splits at the commas that are not inside the braces of a pattern.
func splitList(s string) []string {
	var out []string
	depth, from := 0, 0
	for i, r := range s + "," {
		switch {
		case r == '{':
			depth++
		case r == '}':
			depth--
		case r == ',' && (depth <= 0 || i == len(s)):
			if item := strings.TrimSpace(s[from:i]); item != "" {
				out = append(out, item)
			}
			from = i + 1
		}
	}
	return out
}
