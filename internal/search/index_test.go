package search_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/search"
)

func TestPut_placeNeverGoesBack(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	if err := x.Put([]search.Entry{{JobID: "job_a", FinishedAt: day, Result: talk("snow")}}, search.Place{Seq: 7, Event: "evt_a"}); err != nil {
		t.Fatal(err)
	}
	if err := x.Put(nil, search.Place{Seq: 3, Event: "evt_b"}); err != nil {
		t.Fatal(err)
	}
	shut(t, x)
	x = open(t, dir)
	defer shut(t, x)
	if p, err := x.Place(); p != (search.Place{Seq: 7, Event: "evt_a"}) || err != nil {
		t.Errorf("got %v, %v, want 7", p, err)
	}
	if got := ids(t, x, "snow"); got != "job_a" {
		t.Errorf("got %q after reopening, want job_a", got)
	}
}

// changeWords alters every file of words in an index.
func changeWords(dir string, change func([]byte) []byte) error {
	names, err := filepath.Glob(filepath.Join(dir, "files", "store", "*.zap"))
	if err == nil && len(names) == 0 {
		err = errors.New("no file of words")
	}
	for _, name := range names {
		data, rerr := os.ReadFile(name)
		err = errors.Join(err, rerr, os.WriteFile(name, change(data), 0o600))
	}
	return err
}

// corruptions are ways to spoil the index in dir.
var corruptions = map[string]func(dir string) error{
	"no meta file": func(dir string) error { return os.Remove(filepath.Join(dir, "files", "index_meta.json")) },
	"bad meta file": func(dir string) error {
		return os.WriteFile(filepath.Join(dir, "files", "index_meta.json"), []byte("{"), 0o600)
	},
	"bad root": func(dir string) error {
		return os.WriteFile(filepath.Join(dir, "files", "store", "root.bolt"), make([]byte, 9000), 0o600)
	},
	"half a root": func(dir string) error {
		return os.Truncate(filepath.Join(dir, "files", "store", "root.bolt"), 5000)
	},
	"a changed byte": func(dir string) error {
		return changeWords(dir, func(data []byte) []byte { data[len(data)/3] ^= 4; return data })
	},
	"half the words": func(dir string) error {
		return changeWords(dir, func(data []byte) []byte { return data[:len(data)/2] })
	},
	"no words": func(dir string) error { return changeWords(dir, func([]byte) []byte { return nil }) },
	"words that are gone": func(dir string) error {
		return errors.Join(os.RemoveAll(filepath.Join(dir, "files", "store")), os.Mkdir(filepath.Join(dir, "files", "store"), 0o700))
	},
	"gone": func(dir string) error { return os.RemoveAll(dir) },
	"a file in its place": func(dir string) error {
		return errors.Join(os.RemoveAll(filepath.Join(dir, "files")), os.WriteFile(filepath.Join(dir, "files"), nil, 0o600))
	},
	"often ended uncleanly": func(dir string) error { return os.WriteFile(filepath.Join(dir, "open"), []byte("3"), 0o600) },
	"an unreadable mark":    func(dir string) error { return os.WriteFile(filepath.Join(dir, "open"), []byte("?"), 0o600) },
}

func TestOpen_replacesADamagedIndex(t *testing.T) {
	for name, corrupt := range corruptions {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "search")
			x := open(t, dir)
			if err := x.Put([]search.Entry{{JobID: "job_a", FinishedAt: day, Result: talk("snow")}}, search.Place{Seq: 7, Event: "evt_a"}); err != nil {
				t.Fatal(err)
			}
			shut(t, x)
			if err := corrupt(dir); err != nil {
				t.Fatal(err)
			}
			x = open(t, dir)
			defer shut(t, x)
			if p, err := x.Place(); p != (search.Place{}) || err != nil {
				t.Errorf("got place %v, %v, want the start: the owner must fill it again", p, err)
			}
			if err := put(x, "job_b", day, talk("snow again")); err != nil {
				t.Fatal(err)
			}
			if got := ids(t, x, "snow"); got != "job_b" {
				t.Errorf("got %q, want job_b", got)
			}
		})
	}
}

func TestOpen_indexInUse(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	defer shut(t, x)
	if err := put(x, "job_a", day, talk("snow")); err != nil {
		t.Fatal(err)
	}
	if _, err := search.Open(dir, nil); !errors.Is(err, api.Conflict) {
		t.Errorf("got %v, want %v", err, api.Conflict)
	}
	if got := ids(t, x, "snow"); got != "job_a" {
		t.Errorf("got %q, want the first index whole", got)
	}
}

// childEnv holds the folder of the index that this test binary fills when it
// is run again as another process.
const childEnv = "VOXPARSE_TEST_INDEX"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		err := fillForEver(dir)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// fillForEver puts ten transcripts at a time, and prints how many there are.
func fillForEver(dir string) error {
	x, err := search.Open(dir, nil)
	if err != nil {
		return err
	}
	place, err := x.Place()
	if err != nil {
		return err
	}
	for n := place.Seq; ; {
		var batch []search.Entry
		for range 10 {
			batch = append(batch, search.Entry{JobID: fmt.Sprintf("job_%06d", n), FinishedAt: day, Result: talk("snow", fmt.Sprint("winter ", n))})
			n++
		}
		if err := x.Put(batch, search.Place{Seq: n, Event: "evt"}); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestPut_survivesAKill(t *testing.T) {
	dir := t.TempDir()
	for round := range 4 {
		put := killed(t, dir, 8+3*round)
		x := open(t, dir)
		place, err := x.Place()
		if err != nil || place.Seq < put {
			t.Errorf("round %d: got place %v, %v after a kill, want %d or later", round, place, err, put)
		}
		held, err := x.FinishedBefore(t.Context(), day.Add(time.Second), 0, 10*int(place.Seq+100))
		if err != nil || uint64(len(held)) != place.Seq {
			t.Errorf("round %d: got %d transcripts, %v, want %d, as the place says", round, len(held), err, place.Seq)
		}
		if q := fmt.Sprintf(`"winter %d"`, put-1); ids(t, x, q) != fmt.Sprintf("job_%06d", put-1) {
			t.Errorf("round %d: got %q for %s, want the last that was put", round, ids(t, x, q), q)
		}
		shut(t, x)
	}
}

// killed runs a process that fills the index in dir, kills it after so many
// batches, and returns how many transcripts it had put.
func killed(t *testing.T, dir string, batches int) uint64 {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var last uint64
	lines := bufio.NewScanner(out)
	for range batches {
		if !lines.Scan() {
			t.Fatalf("the child ended: %v, %v", lines.Err(), cmd.Wait())
		}
		if last, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed: that is no news
	return last
}
