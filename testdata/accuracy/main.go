// Command accuracy measures how well recordings are recognized whose words are
// known: word errors, how far words begin from where they do, and how often
// words are right by their confidence, for each model, clean and degraded.
//
//	go run ./testdata/accuracy -engine bin/voxparse-engine
//
// It compares programs where several are named: -engine old/voxparse-engine,bin/voxparse-engine.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/models"
)

func main() {
	var o options
	flag.StringVar(&o.engines, "engine", "bin/voxparse-engine", "programs to measure, with commas between")
	flag.StringVar(&o.models, "model", "moonshine-tiny,moonshine-base", "models to measure, with commas between")
	flag.StringVar(&o.conditions, "condition", strings.Join(conditionNames(), ","), "conditions, with commas between")
	flag.StringVar(&o.prompts, "prompts", "/usr/share/asterisk/sounds/en_US_f_Allison", "folder of Debian's asterisk-core-sounds-en-g722")
	flag.StringVar(&o.modelDir, "models", "", "folder of models (default: the tests')")
	flag.IntVar(&o.every, "every", 1, "take one prompt of so many")
	flag.Float64Var(&o.longest, "longest", math.Inf(1), "leave out prompts of more seconds")
	flag.Float64Var(&o.shortest, "shortest", 0, "leave out prompts of fewer seconds")
	flag.BoolVar(&o.show, "show", false, "print what was heard where it is wrong")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	engines, models, conditions, prompts, modelDir string
	every                                          int
	longest, shortest                              float64
	show                                           bool
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "voxparse-accuracy")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	clips, err := labeled(o, dir)
	if err != nil {
		return err
	}
	if o.modelDir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		o.modelDir = filepath.Join(cache, "voxparse-test", "models")
	}
	store := models.Open(o.modelDir, models.Options{})
	fmt.Printf("%d recordings, %d words\n", len(clips), countWords(clips))
	for _, name := range strings.Split(o.models, ",") {
		if err := store.Pull(ctx, name, nil); err != nil {
			return err
		}
		files, err := store.Files(name)
		if err != nil {
			return err
		}
		model := engine.Model{Name: name, Family: "moonshine", Language: "en", Files: files}
		for _, program := range strings.Split(o.engines, ",") {
			if err := measure(ctx, o, program, model, clips, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure prints the rows of one program and model.
func measure(ctx context.Context, o options, program string, model engine.Model, clips []clip, dir string) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	pool := engine.NewPool(engine.Config{Command: []string{program}, CacheDir: filepath.Join(cache, "voxparse-test"), Dir: dir,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(ctx) }()
	defer func() {
		cancel()
		<-ended
	}()
	fmt.Printf("\n%s, %s\n", model.Name, program)
	var all tally
	for _, name := range strings.Split(o.conditions, ",") {
		var t tally
		for _, c := range clips {
			path, err := degrade(name, c, dir)
			if err != nil {
				return fmt.Errorf("%s of %s: %w", name, c.id, err)
			}
			res, err := pool.Transcribe(ctx, engine.Request{JobID: "job_" + c.id, Path: path, Name: filepath.Base(path)}, model, nil)
			if err != nil {
				fmt.Fprintf(os.Stderr, "%s, %s: %v\n", c.id, name, err)
			}
			text := ""
			if res != nil {
				text = res.Text
			}
			before := t.errors
			t.add(c, text, res, name == "clean")
			if o.show && t.errors > before {
				fmt.Printf("  %-32s %d: %s\n", c.id, t.errors-before, text)
			}
			if err := os.Remove(path); err != nil {
				return err
			}
		}
		fmt.Printf("  %-10s word errors %4d of %d = %5.2f %%%s\n", name, t.errors, t.words, 100*float64(t.errors)/float64(t.words), t.starts())
		all.calibration = append(all.calibration, t.calibration...)
	}
	all.printCalibration()
	return nil
}

// tally counts what was heard.
type tally struct {
	words, errors int
	off           []float64 // by how much words begin elsewhere, seconds
	calibration   []guess
}

// guess is a word, how sure the recognizer was, and whether it is right.
type guess struct {
	confidence float64
	right      bool
}

// starts says how far words begin from where they do.
func (t *tally) starts() string {
	if len(t.off) == 0 {
		return ""
	}
	slices.Sort(t.off)
	n := len(t.off)
	return fmt.Sprintf("; starts of %d words off by %.3f s (median), %.3f s (nine of ten)", n, t.off[n/2], t.off[n*9/10])
}

// printCalibration prints how often words are right by their confidence.
func (t *tally) printCalibration() {
	if len(t.calibration) == 0 {
		return
	}
	bounds := []float64{0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.01}
	fmt.Println("  confidence   words   mean   right")
	for i := 1; i < len(bounds); i++ {
		var n, right int
		var sum float64
		for _, g := range t.calibration {
			if g.confidence < bounds[i-1] || g.confidence >= bounds[i] {
				continue
			}
			n++
			sum += g.confidence
			if g.right {
				right++
			}
		}
		if n > 0 {
			fmt.Printf("  %.2f - %.2f  %6d   %.2f   %.2f\n", bounds[i-1], min(1, bounds[i]), n, sum/float64(n), float64(right)/float64(n))
		}
	}
}
