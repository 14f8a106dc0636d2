package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/fsx"
)

const watchExample = `  voxparse watch add ~/calls --after move --format txt,srt
  voxparse watch list
  voxparse watch explain ~/calls/monday.mp3
  voxparse watch pause ~/calls`

func watchCmd(a *app) *cobra.Command {
	return group("watch", "Transcribe whatever is dropped into a folder", watchExample,
		watchAddCmd(a), watchListCmd(a), watchShowCmd(a), watchEditCmd(a), watchRmCmd(a),
		watchVerbCmd(a, "pause", "Take no files from a folder until resume", (*client.Client).PauseWatch),
		watchVerbCmd(a, "resume", "Take files from a paused folder again", (*client.Client).ResumeWatch),
		watchRescanCmd(a), watchExplainCmd(a))
}

// folderFlags are the options that add and edit share.
type folderFlags struct {
	config.Folder
	options optionFlags
}

func (f *folderFlags) define(c *cobra.Command) {
	f.Recursive = true
	f.options.into = &f.Folder
	f.options.define(c, api.OnWatch)
}

// finish checks the options and completes them.
func (f *folderFlags) finish() error {
	if f.Out != "" {
		abs, err := filepath.Abs(f.Out)
		if err != nil {
			return fmt.Errorf("find %s: %w", f.Out, err)
		}
		f.Out = abs
	}
	flags := map[string]string{}
	for _, o := range api.OptionsOn(api.OnWatch) {
		flags[o.Name] = o.FlagName()
	}
	for _, e := range config.CheckFolder(&f.Folder) {
		f.options.wrong = append(f.options.wrong, "--"+flags[e.Key]+": "+e.Message)
	}
	return f.options.check()
}

func watchAddCmd(a *app) *cobra.Command {
	var f folderFlags
	c := &cobra.Command{
		Use: "add DIR", Aliases: []string{"create"}, Short: "Watch a folder", Args: args("DIR"),
		Long: `Watch a folder: every audio file that is dropped into it is transcribed once, as
soon as it is complete. If the folder already holds audio, --existing says whether
to transcribe that too.`,
		Example: "  voxparse watch add ~/calls --existing ignore --after move\n  voxparse watch add /srv/recordings -f txt,json --out /srv/transcripts --metadata agent={dir}",
		RunE: func(c *cobra.Command, got []string) error {
			if err := f.finish(); err != nil {
				return err
			}
			dir, err := folderPath(got[0])
			if err != nil {
				return err
			}
			if f.Existing, err = a.askExisting(c.Context(), dir, f.Existing); err != nil {
				return err
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			w, err := cl.AddWatch(c.Context(), api.FolderRequest{Dir: dir, Existing: f.Existing, Options: f.FolderOptions})
			if err != nil {
				return err
			}
			return printOne(a, w, w.ID, func() { a.showWatch(w) })
		},
	}
	f.define(c)
	return c
}

func folderPath(arg string) (string, error) {
	dir, err := filepath.Abs(arg)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", arg, err)
	}
	st, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", api.Errorf(api.NotFound, "there is no folder %s; make it with: mkdir -p %s", dir, dir)
	case err != nil:
		return "", fmt.Errorf("look at %s: %w", dir, errors.Unwrap(err))
	case !st.IsDir():
		return "", usagef("%s is not a folder", dir)
	}
	return dir, nil
}

// askExisting decides what becomes of audio that lies in dir already: a person
// is asked, a script has to say.
func (a *app) askExisting(ctx context.Context, dir string, given api.Existing) (api.Existing, error) {
	if given != "" {
		return given, nil
	}
	found, err := walk(dir)
	if errors.Is(err, api.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	n := plural(len(found), "recording is", "recordings are")
	in, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) || !a.errStyle.tty {
		return "", usagef("%s in %s already; say --existing process or --existing ignore", n, dir)
	}
	fmt.Fprintf(a.err, "%s in %s already. Transcribe them too? [y/N] ", n, dir)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n') // the end of input is a no
		answer <- line
	}()
	select {
	case line := <-answer:
		if s := strings.ToLower(strings.TrimSpace(line)); s == "y" || s == "yes" {
			return api.ExistingProcess, nil
		}
		return api.ExistingIgnore, nil
	case <-ctx.Done():
		fmt.Fprintln(a.err)
		return "", context.Cause(ctx)
	}
}

// watchID resolves the path of a folder to its id.
func watchID(ctx context.Context, c *client.Client, arg string) (string, error) {
	if strings.HasPrefix(arg, api.FolderPrefix) {
		return arg, nil
	}
	dir, err := filepath.Abs(arg)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", arg, err)
	}
	folders, err := c.Watches(ctx)
	if err != nil {
		return "", err
	}
	for _, f := range folders {
		if f.Dir == dir {
			return f.ID, nil
		}
	}
	at, err := fsx.Locate(dir)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", arg, err)
	}
	for _, f := range folders { // by what it is, as through a link
		if other, err := fsx.Locate(f.Dir); err == nil && at.Same(other) {
			return f.ID, nil
		}
	}
	return "", api.Errorf(api.NotFound, "%s is not watched; voxparse watch list shows what is", dir)
}

func watchListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List watched folders", Args: args(), Example: "  voxparse watch list",
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			folders, err := cl.Watches(c.Context())
			if err != nil {
				return err
			}
			t := table{head: []string{"ID", "FOLDER", "STATUS"}}
			for _, f := range folders {
				t.add(f.ID, oneLine(f.Dir), a.folderStatus(f))
			}
			return printList(a, folders, func(f api.Folder) string { return f.ID }, t, "no folders; watch one with: voxparse watch add DIR")
		},
	}
}

// withWatch runs one call on the folder named and shows what it returns.
func (a *app) withWatch(call func(*client.Client, context.Context, string) (api.Folder, error)) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, got []string) error {
		cl, err := a.connect(c.Context())
		if err != nil {
			return err
		}
		id, err := watchID(c.Context(), cl, got[0])
		if err != nil {
			return err
		}
		f, err := call(cl, c.Context(), id)
		if err != nil {
			return err
		}
		return printOne(a, f, f.ID, func() { a.showWatch(f) })
	}
}

func watchShowCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID|DIR", Aliases: []string{"get"}, Short: "Show a folder and what waits in it", Args: args("ID"), ValidArgsFunction: a.completeWatches(),
		Example: "  voxparse watch show ~/calls", RunE: a.withWatch((*client.Client).Watch),
	}
}

func watchVerbCmd(a *app, verb, short string, call func(*client.Client, context.Context, string) (api.Folder, error)) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ID|DIR", Short: short, Args: args("ID"), ValidArgsFunction: a.completeWatches(),
		Example: "  voxparse watch " + verb + " ~/calls", RunE: a.withWatch(call),
	}
}

func watchRescanCmd(a *app) *cobra.Command {
	var existing bool
	c := watchVerbCmd(a, "rescan", "Look through a folder now", func(cl *client.Client, ctx context.Context, id string) (api.Folder, error) {
		if existing {
			if _, err := cl.UpdateWatch(ctx, id, api.FolderPatch{Existing: api.ExistingProcess}); err != nil {
				return api.Folder{}, err
			}
		}
		return cl.RescanWatch(ctx, id)
	})
	c.Flags().BoolVar(&existing, "existing", false, "take the audio too that was ignored when the folder was added")
	return c
}

func watchEditCmd(a *app) *cobra.Command {
	var f folderFlags
	c := &cobra.Command{
		Use: "edit ID|DIR", Aliases: []string{"update"}, Short: "Change the options of a folder", Args: args("ID"), ValidArgsFunction: a.completeWatches(),
		Example: "  voxparse watch edit ~/calls --after move -f txt,srt\n  voxparse watch edit ~/calls --existing process",
		Long: `Change the options of a folder; those that are not named stay. With --existing process
the audio is taken that was ignored when the folder was added.`,
		RunE: func(c *cobra.Command, got []string) error {
			if err := f.finish(); err != nil {
				return err
			}
			changed := f.options.changed(c, api.OnWatch)
			if len(changed) == 0 {
				return usagef("nothing to change; voxparse watch edit --help lists the options")
			}
			patch := api.FolderPatch{Existing: f.Existing}
			if delete(changed, api.OptionExisting); len(changed) > 0 {
				var err error
				if patch.Options, err = json.Marshal(changed); err != nil {
					return fmt.Errorf("encode the options: %w", err)
				}
			}
			return a.withWatch(func(cl *client.Client, ctx context.Context, id string) (api.Folder, error) {
				return cl.UpdateWatch(ctx, id, patch)
			})(c, got)
		},
	}
	f.define(c)
	return c
}

func watchRmCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "rm ID|DIR…", Aliases: []string{"delete", "remove"}, Short: "Stop watching folders; their files stay", Args: args("ID…"), ValidArgsFunction: a.completeWatches(),
		Example: "  voxparse watch rm ~/calls",
		RunE:    a.removeEach(watchID, (*client.Client).RemoveWatch),
	}
}

func watchExplainCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "explain FILE", Short: "Say what the daemon thinks of one file, and why", Args: args("FILE"), Example: "  voxparse watch explain ~/calls/monday.mp3",
		RunE: func(c *cobra.Command, got []string) error {
			path, err := filepath.Abs(got[0])
			if err != nil {
				return fmt.Errorf("find %s: %w", got[0], err)
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			f, err := cl.ExplainFile(c.Context(), path)
			if err != nil {
				return err
			}
			return printOne(a, f, orDash(f.JobID), func() {
				line := f.Status
				if f.Reason != "" {
					line = f.Reason
				}
				line = oneLine(line)
				if f.JobID != "" {
					line += "  " + a.style.faint.Render(oneLine(f.JobID))
				}
				a.printf("%s\n", line)
			})
		},
	}
}
