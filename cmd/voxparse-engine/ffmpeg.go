package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"strings"

	"codeberg.org/gruf/go-ffmpreg/embed"
	"codeberg.org/gruf/go-ffmpreg/wasm"
	"github.com/tetratelabs/wazero"
	"github.com/voxparse/voxparse/internal/fsx"
)

// sampleRate is what comes out of the decoder and goes into the recognizers.
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
	cfg := wazero.NewRuntimeConfigCompiler().WithMemoryLimitPages(memoryMost / pageSize)
	if cache != "" {
		dir := filepath.Join(cache, "decoder")
		if err := fsx.OwnDir(dir); err != nil { // what lies in it is run as machine code
			return nil, fmt.Errorf("make the decoder cache: %w", err)
		}
		// One compiles, the others wait and then take it from the cache: each
		// would need half a gigabyte.
		lock, err := fsx.Lock(ctx, filepath.Join(dir, "lock"), nil)
		if err != nil {
			return nil, fmt.Errorf("lock the decoder cache: %w", err)
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

// arguments returns ffmpeg's for a file. Samples come out in blocks of 32 KiB
// rather than with every packet: waking the worker forty times a second of
// audio costs more than reading most formats.
func arguments(in *input, s selection) []string {
	args := strings.Fields("-nostdin -hide_banner -nostats -loglevel level+info -threads 1 -protocol_whitelist file")
	if in.raw != nil {
		args = append(args, in.raw.arguments()...)
	} else {
		args = append(args, "-guess_layout_max", "0") // no channel is taken for another than it is
	}
	// Any offset keeps ffmpeg from counting the time of MPEG transport streams
	// from the first sound: a microsecond is none.
	args = append(append(args, "-itsoffset", "0.000001", "-i", in.path()), s.arguments...)
	return append(args, "-vn", "-sn", "-dn", "-map_metadata", "-1", "-threads", "1",
		"-f", "s16le", "-c:a", "pcm_s16le", "-flush_packets", "0", "pipe:1")
}

// path is where ffmpeg finds the file.
func (in *input) path() string { return "/in/" + in.name }

// run runs ffmpeg or ffprobe on a file and returns its exit code. It sees a
// read-only folder with this one file and nothing else of the machine.
func (f *ffmpeg) run(ctx context.Context, program string, args []string, in *input, out, log io.Writer) (int, error) {
	folder := oneFile{name: in.name, content: in.content, size: in.size}
	code, err := wasm.Run(withMemory(ctx, in.memory), f.runtime, f.module, wasm.Args{
		Name:   program,
		Stdin:  strings.NewReader(""),
		Stdout: out,
		Stderr: log,
		Args:   args,
		Config: func(c wazero.ModuleConfig) wazero.ModuleConfig {
			fs := wazero.NewFSConfig().WithFSMount(folder, "/in")
			return c.WithName(program).WithFSConfig(fs).WithSysNanotime().WithSysWalltime()
		},
	})
	if err != nil {
		return int(code), fmt.Errorf("run the decoder: %w", err)
	}
	return int(code), nil
}

// warm compiles the decoder into the cache.
func warm(cache string) error {
	if cache == "" {
		return errors.New("warm: no cache folder; name one with -cache")
	}
	_, err := newFFmpeg(context.Background(), cache)
	return err
}
