// Command voxparse turns audio into transcripts and tells your own systems by
// signed webhooks. It is the command line and the daemon in one program; what
// touches native code and untrusted media is voxparse-engine.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

//go:generate go run . completion --dir ../../completions

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// signaled is the cause of a context that a signal ended.
type signaled struct{ sig syscall.Signal }

func (s signaled) Error() string { return s.sig.String() }

// run is main with its world passed in. It returns the exit code.
func run(args []string, in io.Reader, out, errw io.Writer) int {
	ctx, stop := signalContext(context.Background())
	defer stop()
	a, cmd, err := execute(ctx, args, in, out, errw)
	if words, ok := joinFields(args); ok && errors.As(err, new(surplusError)) {
		a, cmd, err = execute(ctx, words, in, out, errw)
	}
	if err != nil && !a.started {
		err = asUsage(cmd, err)
	}
	var sig signaled
	if err != nil && errors.As(context.Cause(ctx), &sig) && !errors.As(err, new(exitError)) && !errors.As(err, new(signaled)) {
		err = sig
	}
	if err == nil && a.out.err != nil {
		err = fmt.Errorf("write the answer: %w", a.out.err)
	}
	a.report(err)
	return exitCode(err)
}

// execute runs the command that the words name.
func execute(ctx context.Context, words []string, in io.Reader, out, errw io.Writer) (*app, *cobra.Command, error) {
	a := newApp(in, out, errw)
	root := rootCmd(a)
	root.SetArgs(words)
	cmd, err := root.ExecuteContextC(ctx)
	return a, cmd, err
}

// signalContext returns a context that the first SIGINT, SIGTERM or SIGHUP
// ends, with the signal as its cause. A second one kills the process, as it
// does without us.
func signalContext(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		select {
		case s := <-ch:
			signal.Stop(ch)
			sig, ok := s.(syscall.Signal)
			if !ok {
				sig = syscall.SIGINT
			}
			cancel(signaled{sig})
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(ch)
		close(done)
		cancel(nil)
	}
}
