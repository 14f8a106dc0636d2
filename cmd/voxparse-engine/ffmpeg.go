package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"codeberg.org/gruf/go-ffmpreg/embed"
	"codeberg.org/gruf/go-ffmpreg/wasm"
	"github.com/tetratelabs/wazero"
)

// memoryPages is what ffmpeg may have, in pages of 64 KiB: 64 MiB decode every
// clean file, and a header that claims more finds its end there.
const memoryPages = 1024

// sampleRate is what comes out of the decoder and goes into the recognisers.
const sampleRate = 16000

// ffmpeg is the decoder compiled to machine code, ready to run. One run at a
// time: two take turns at best.
type ffmpeg struct {
	runtime wazero.Runtime
	module  wazero.CompiledModule
}

// newFFmpeg compiles ffmpeg, or takes it from the cache folder: 10 s and
// 560 MB the first time, a third of a second from then on.
func newFFmpeg(ctx context.Context, cache string) (*ffmpeg, error) {
	// No CloseOnContextDone: it makes decoding ten times slower. A decode is
	// ended by ending the process.
	cfg := wazero.NewRuntimeConfigCompiler().WithMemoryLimitPages(memoryPages)
	if cache != "" {
		dir := filepath.Join(cache, "decoder")
		if err := privateDir(dir); err != nil {
			return nil, err
		}
		// One compiles, the others wait and then take it from the cache: each
		// would need half a gigabyte.
		lock, err := lockDir(dir)
		if err != nil {
			return nil, err
		}
		defer lock.Close() // which unlocks
		c, err := wazero.NewCompilationCacheWithDir(dir)
		if err != nil {
			return nil, fmt.Errorf("open the decoder cache %s: %w", dir, err)
		}
		cfg = cfg.WithCompilationCache(c)
	}
	rt, err := wasm.NewRuntime(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("start the decoder runtime: %w", err)
	}
	mod, err := rt.CompileModule(ctx, embed.B)
	if err != nil {
		return nil, fmt.Errorf("compile the decoder: %w", err)
	}
	dropModule()
	return &ffmpeg{rt, mod}, nil
}

// dropModule gives the 24 MB of the uncompiled decoder back.
func dropModule() {
	embed.B = nil
	debug.FreeOSMemory()
}

// privateDir makes dir, and refuses one that somebody else could write to: what
// lies in it is run as machine code.
func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the decoder cache: %w", err)
	}
	fi, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("check the decoder cache: %w", err)
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !fi.IsDir() || !ok || int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("decoder cache %s is not a folder of your own: remove it", dir)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("make the decoder cache private: %w", err)
		}
	}
	return nil
}

// lockDir waits until no other process has locked dir.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the decoder cache: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close() // nothing was written
		return nil, fmt.Errorf("lock the decoder cache: %w", err)
	}
	return f, nil
}

// filters are what makes any audio the recognisers' samples. Half the default
// length of ffmpeg's resampling filter still keeps aliases 60 dB down, and
// halves the time of decoding.
const filters = "aformat=channel_layouts=%s,aresample=16000:filter_size=16"

// arguments returns ffmpeg's for the file at path, in channels 1 or 2. Samples
// come out in blocks of 32 KiB rather than with every packet: waking the
// worker forty times a second of audio costs more than reading most formats.
func arguments(path string, channels int) []string {
	layout := "mono"
	if channels == 2 {
		layout = "stereo"
	}
	line := "-nostdin -hide_banner -nostats -loglevel level+info -threads 1 -protocol_whitelist file -i"
	args := append(strings.Fields(line), path)
	return append(args, "-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-threads", "1",
		"-af", fmt.Sprintf(filters, layout), "-f", "s16le", "-c:a", "pcm_s16le", "-flush_packets", "0", "pipe:1")
}

// decode writes the samples of file, interleaved 16-bit little-endian, to pcm
// and ffmpeg's log to log, and returns ffmpeg's exit code. ffmpeg sees a
// read-only folder with this one file and nothing else of the machine.
func (f *ffmpeg) decode(ctx context.Context, file *os.File, name string, channels int, pcm, log io.Writer) (int, error) {
	folder := oneFile{name: "audio" + extension(name), file: file}
	code, err := wasm.Run(ctx, f.runtime, f.module, wasm.Args{
		Name:   "ffmpeg",
		Stdin:  strings.NewReader(""),
		Stdout: pcm,
		Stderr: log,
		Args:   arguments("/in/"+folder.name, channels),
		Config: func(c wazero.ModuleConfig) wazero.ModuleConfig {
			fs := wazero.NewFSConfig().WithFSMount(folder, "/in")
			return c.WithName("ffmpeg").WithFSConfig(fs).WithSysNanotime().WithSysWalltime()
		},
	})
	if err != nil {
		return int(code), fmt.Errorf("run the decoder: %w", err)
	}
	return int(code), nil
}

// extension returns the extension of name where it is one that could mean a
// format, with its dot, in lower case.
func extension(name string) string {
	ext := strings.ToLower(filepath.Ext(name))
	if len(ext) < 2 || len(ext) > 6 {
		return ""
	}
	for _, c := range ext[1:] {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return ""
		}
	}
	return ext
}

// warm compiles the decoder into the cache.
func warm(cache string) error {
	if cache == "" {
		return errors.New("warm: no cache folder; name one with -cache")
	}
	_, err := newFFmpeg(context.Background(), cache)
	return err
}
