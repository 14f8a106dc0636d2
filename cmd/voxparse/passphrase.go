package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/voxparse/voxparse/api"
)

// leastPassphrase is how many characters a new passphrase has at least.
const leastPassphrase = 8

// maxPassphrase is how many bytes of a file are read for one.
const maxPassphrase = 4096

// passphrase says where a passphrase comes from: a file, standard input, or the
// terminal.
type passphrase struct{ file string }

func (p *passphrase) flag(c *cobra.Command) {
	c.Flags().StringVar(&p.file, "passphrase-file", "", "read the passphrase from the first line of `FILE`, - for standard input")
}

// newPassphrase is a passphrase to seal something with; on a terminal it is asked
// for twice.
func (a *app) newPassphrase(ctx context.Context, p passphrase) (string, error) {
	word, err := a.knownPassphrase(ctx, p)
	if err != nil {
		return "", err
	}
	if len([]rune(word)) < leastPassphrase {
		return "", api.Errorf(api.Invalid, "the passphrase has fewer than %d characters", leastPassphrase)
	}
	if p.file != "" {
		return word, nil
	}
	again, err := a.askPassphrase(ctx, "The same again: ")
	if err == nil && again != word {
		err = api.Errorf(api.Invalid, "the two passphrases differ")
	}
	return word, err
}

// knownPassphrase is a passphrase that opens something.
func (a *app) knownPassphrase(ctx context.Context, p passphrase) (string, error) {
	if p.file == "" {
		return a.askPassphrase(ctx, "Passphrase of the backup: ")
	}
	in := a.in
	if p.file != "-" {
		f, err := os.Open(p.file)
		if err != nil {
			return "", fmt.Errorf("read the passphrase: %w", err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxPassphrase))
	if err != nil {
		return "", fmt.Errorf("read the passphrase: %w", err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", api.Errorf(api.Invalid, "there is no passphrase in the first line of %s", p.file)
	}
	return line, nil
}

// askPassphrase asks on the terminal, which does not show what is typed.
func (a *app) askPassphrase(ctx context.Context, prompt string) (string, error) {
	in, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", usagef("nobody can be asked for the passphrase here; say --passphrase-file FILE")
	}
	was, err := term.GetState(int(in.Fd()))
	if err != nil {
		return "", err
	}
	fmt.Fprint(a.err, prompt)
	typed, failed := make(chan string, 1), make(chan error, 1)
	go func() {
		line, err := term.ReadPassword(int(in.Fd()))
		if err != nil {
			failed <- err
			return
		}
		typed <- string(line)
	}()
	defer fmt.Fprintln(a.err)
	select {
	case word := <-typed:
		if word == "" {
			return "", api.Errorf(api.Invalid, "the passphrase is empty")
		}
		return word, nil
	case err := <-failed:
		return "", fmt.Errorf("read the passphrase: %w", err)
	case <-ctx.Done():
		return "", errors.Join(context.Cause(ctx), term.Restore(int(in.Fd()), was))
	}
}
