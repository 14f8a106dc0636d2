package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

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
	var sig signalled
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

// report writes err to stderr, one line a cause.
func (a *app) report(err error) {
	var own exitError
	if err == nil || errors.As(err, new(signalled)) || (errors.As(err, &own) && own.silent) {
		return // whoever sent a signal knows
	}
	for i, line := range strings.Split(strings.TrimSpace(err.Error()), "\n") {
		if i == 0 {
			line = a.errStyle.bad.Render("error:") + " " + clean(line)
		} else {
			line = "       " + clean(line)
		}
		fmt.Fprintln(a.err, line)
	}
	var refused *api.Error
	if errors.As(err, &refused) && refused.RetryAfter > 0 {
		fmt.Fprintf(a.err, "       try again in %s\n", shortDuration(refused.RetryAfter))
	}
}

// asUsage words an error that cobra found before the command ran.
func asUsage(cmd *cobra.Command, err error) error {
	msg := err.Error()
	if flag, ok := strings.CutPrefix(msg, "unknown flag: --"); ok {
		if near := api.Nearest(flag, flagNames(cmd)); near != "" {
			msg += fmt.Sprintf("; did you mean --%s?", near)
		}
	}
	return usageError{strings.TrimSpace(msg) + "\nsee: " + cmd.CommandPath() + " --help"}
}
