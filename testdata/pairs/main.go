// Command pairs compares the benchmarks of two checkouts on this machine. It
// runs each benchmark of both by turns, so that what else the machine does meets
// both alike, and prints the ratio of the medians of every figure with its
// range. A benchmark is known by its name: it may have moved to another package.
//
//	go run ./testdata/pairs -old DIR [-new DIR] [-bench REGEXP] [-runs 5] [-time 1s]
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	before := flag.String("old", "", "checkout `DIR` to compare with")
	after := flag.String("new", ".", "checkout `DIR` that is compared")
	pattern := flag.String("bench", ".", "benchmarks whose names match")
	runs := flag.Int("runs", 5, "how often each runs in each checkout")
	per := flag.String("time", "1s", "go test -benchtime")
	flag.Parse()
	if err := compare(*before, *after, *pattern, *runs, *per); err != nil {
		fmt.Fprintln(os.Stderr, "pairs:", err)
		os.Exit(1)
	}
}

// program is a package's tests, built.
type program struct{ path, dir string }

func compare(before, after, pattern string, runs int, per string) error {
	want, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	bin, err := os.MkdirTemp("", "pairs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	var sides [2]map[string]program
	for i, dir := range []string{before, after} {
		if sides[i], err = build(dir, filepath.Join(bin, strconv.Itoa(i)), want); err != nil {
			return err
		}
	}
	fmt.Printf("%-58s %-22s %12s %12s  %s\n", "benchmark", "figure", "old", "new", "new/old (lowest-highest of the pairs)")
	for _, name := range slices.Sorted(maps.Keys(sides[1])) {
		old, ok := sides[0][name]
		if !ok {
			fmt.Printf("%-58s only in the new checkout\n", name)
			continue
		}
		var got [2]map[string][]float64
		got[0], got[1] = map[string][]float64{}, map[string][]float64{}
		for run := range runs {
			order := []int{0, 1}
			if run%2 == 1 {
				order = []int{1, 0} // neither is always the second
			}
			for _, i := range order {
				if err := measure([]program{old, sides[1][name]}[i], name, per, got[i]); err != nil {
					return err
				}
			}
		}
		report(got)
	}
	return nil
}

var function = regexp.MustCompile(`(?m)^func (Benchmark\w+)\(`)

// build builds the tests of every package of a checkout that has a benchmark
// whose name matches, and returns the program that has it, by name.
func build(checkout, bin string, want *regexp.Regexp) (map[string]program, error) {
	found := map[string]program{}
	err := filepath.WalkDir(checkout, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") || strings.Contains(path, "node_modules") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		for _, m := range function.FindAllSubmatch(source, -1) {
			if name := string(m[1]); want.MatchString(name) {
				found[name] = program{filepath.Join(bin, strings.ReplaceAll(dir, "/", "_")+".test"), dir}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	built := map[string]bool{}
	for _, p := range found {
		if built[p.path] {
			continue
		}
		built[p.path] = true
		cmd := exec.Command("go", "test", "-c", "-o", p.path, ".")
		cmd.Dir, cmd.Stderr = p.dir, os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("build the tests in %s: %w", p.dir, err)
		}
	}
	return found, nil
}

// measure runs one benchmark, and adds its figures by "name figure".
func measure(p program, name, per string, figures map[string][]float64) error {
	cmd := exec.Command(p.path, "-test.run", "^$", "-test.bench", "^"+name+"$", "-test.benchtime", per, "-test.timeout", "10m")
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), "VOXPARSE_NO_KEYRING=1")
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s in %s: %w\n%s", name, p.dir, err, out)
	}
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], name) {
			continue
		}
		for i := 2; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				key := strings.TrimPrefix(fields[0], "Benchmark") + " " + fields[i+1]
				figures[key] = append(figures[key], v)
			}
		}
	}
	return nil
}

func report(got [2]map[string][]float64) {
	for _, key := range slices.Sorted(maps.Keys(got[1])) {
		a, b := got[0][key], got[1][key]
		if len(a) != len(b) || len(a) == 0 {
			continue
		}
		low, high := 0.0, 0.0
		for i := range a {
			if r := b[i] / a[i]; a[i] > 0 && (low == 0 || r < low) {
				low = r
			}
			if a[i] > 0 {
				high = max(high, b[i]/a[i])
			}
		}
		name, figure, _ := strings.Cut(key, " ")
		old, now := median(a), median(b)
		fmt.Printf("%-58s %-22s %12.4g %12.4g  %.2f (%.2f-%.2f)\n", name, figure, old, now, now/old, low, high)
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
