package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
)

// The exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitJob         = 3 // a job failed or was cancelled
	exitCredentials = 4
	exitNotFound    = 5
	exitUnreachable = 6
	exitPartly      = 8 // part of a batch failed
	exitTimedOut    = 9 // a wait ended; the job goes on
	exitSignature   = 10
)

// exitError is an error with an exit code of its own. With silent, everything
// has been said already.
type exitError struct {
	code   int
	err    error
	silent bool
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

// usageError is a command line that cannot be meant.
type usageError struct{ msg string }

func (e usageError) Error() string { return e.msg }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// exitCode is the one place where an error becomes an exit code.
func exitCode(err error) int {
	var own exitError
	var sig signaled
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &sig):
		return signalCode(sig.sig)
	case errors.As(err, &own):
		return own.code
	case errors.As(err, new(usageError)), errors.Is(err, api.Invalid):
		return exitUsage
	case errors.Is(err, api.NotAudio):
		return exitJob
	case errors.Is(err, api.Unauthorized):
		return exitCredentials
	case errors.Is(err, api.NotFound):
		return exitNotFound
	case errors.Is(err, client.ErrUnreachable):
		return exitUnreachable
	case errors.Is(err, api.TimedOut), errors.Is(err, context.DeadlineExceeded):
		return exitTimedOut
	case errors.Is(err, api.BadSignature):
		return exitSignature
	}
	return exitFailed
}

// signalCode is 128 + the signal, as shells have it.
func signalCode(sig syscall.Signal) int { return 128 + int(sig) }

// parting is the end of a wait, with what became of the jobs, a line each.
type parting struct {
	err  error
	left []string
}

func (p parting) Error() string {
	return strings.Join(append([]string{p.err.Error()}, p.left...), "\n")
}
func (p parting) Unwrap() error { return p.err }

// report writes err to stderr: for a person one line a cause, with --json one
// object. Of a signal, who sent it knows; what became of the jobs is said.
func (a *app) report(err error) {
	var own exitError
	if err == nil || (errors.As(err, &own) && own.silent) || (errors.As(err, new(signaled)) && !errors.As(err, new(parting))) {
		return
	}
	var refused *api.Error
	var after time.Duration
	if errors.As(err, &refused) {
		after = refused.RetryAfter
	}
	if a.json {
		a.reportJSON(err, refused, after)
		return
	}
	lines, first := strings.Split(strings.TrimSpace(err.Error()), "\n"), a.errStyle.bad.Render("error:")+" "
	if errors.As(err, new(signaled)) {
		lines, first = lines[1:], ""
	}
	for i, line := range lines {
		if i > 0 && first != "" {
			first = "       "
		}
		n := ansi.StringWidth(first)
		fmt.Fprintln(a.err, first+a.errStyle.wrap(clean(line), n, n))
	}
	if after > 0 {
		fmt.Fprintf(a.err, "       try again in %s\n", shortDuration(after))
	}
}

// failure is an error as --json tells it: the API's own shape, and the exit code.
type failure struct {
	Error struct {
		Message string `json:"message"`
		Code    int    `json:"code,omitempty"` // the HTTP status, where the daemon refused
		Exit    int    `json:"exit_code"`
	} `json:"error"`
	RetryAfter int `json:"retry_after,omitempty"` // seconds
}

func (a *app) reportJSON(err error, refused *api.Error, after time.Duration) {
	var f failure
	f.Error.Message, f.Error.Exit = strings.TrimSpace(err.Error()), exitCode(err)
	if refused != nil && f.Error.Exit != exitTimedOut && f.Error.Exit != exitSignature {
		f.Error.Code = refused.Code.Status()
	}
	f.RetryAfter = int((after + time.Second - 1) / time.Second)
	enc := json.NewEncoder(a.err)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(f) // stderr was the last resort
}

// asUsage words an error that cobra found before the command ran.
func asUsage(cmd *cobra.Command, err error) error {
	if errors.As(err, new(usageError)) {
		return err
	}
	msg := strings.TrimSpace(err.Error())
	var value *pflag.InvalidValueError
	if errors.As(err, &value) {
		msg = fmt.Sprintf("--%s %s: want %s", value.GetFlag().Name, value.GetValue(), kindOfFlag(value.GetFlag()))
	}
	if flag, ok := strings.CutPrefix(msg, "unknown flag: --"); ok {
		if near := api.Nearest(flag, flagNames(cmd)); near != "" {
			msg += fmt.Sprintf("; did you mean --%s?", near)
		}
	}
	return usageError{msg + "\nsee: " + cmd.CommandPath() + " --help"}
}

// kindOfFlag names what a flag takes.
func kindOfFlag(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int":
		return "a whole number"
	case "float64":
		return "a number"
	case "bool":
		return "true or false"
	}
	return "another value"
}
