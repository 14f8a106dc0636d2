// Command voxparse-engine is the worker of voxparse: it decodes audio, finds
// the speech in it and recognizes it. It is the only program here that touches
// untrusted media and native code, so that a malformed file ends one worker
// and never the daemon. It links ffmpeg (GPL-3.0), so this program as a whole
// is GPL-3.0; everything else in the project is Apache-2.0.
//
//	voxparse-engine            work: orders on stdin, reports on stdout
//	voxparse-engine decode     decode: the child that runs ffmpeg for a worker
//	voxparse-engine warm       compile the decoder into the cache, then end
//	voxparse-engine version    print the version
//
// The flag -cache DIR (before or after the word) names the cache folder; its
// default is voxparse below the user's cache folder.
//
// # Protocol
//
// Both directions are lines of JSON, at most 1 MiB each: engine.Order comes
// in, engine.Report goes out. The first report is
//
//	{"type":"hello","protocol":1,"pid":4711}
//
// and a pool that speaks another protocol ends the worker there. From then on
// a beat comes every second; its steps grow as long as the worker gets on, so
// that a hang in native code shows although the beat goes on:
//
//	{"type":"beat","steps":1804}
//
// The pool says on which cores to recognize, at any time; the worker answers
// once nothing runs on any other, and runs one recognizer for each:
//
//	→ {"type":"cores","cores":[0,1]}
//	← {"type":"cores","cores":[0,1]}
//
// One task at a time. Segments come as soon as they are recognized, in the
// order of the audio (with split channels: in the order in which they end):
//
//	→ {"type":"transcribe","job":{"id":"job_…","path":"/…","name":"a.mp3","model":{…}}}
//	← {"type":"progress","job":"job_…","progress":{"stage":"model",…}}
//	← {"type":"segment","job":"job_…","segment":{"start":0.4,"end":6.9,"text":"…"}}
//	← {"type":"done","job":"job_…","duration":28.7,"language":"en","stats":{…}}
//
// or, in place of the last,
//
//	← {"type":"failed","job":"job_…","code":"no_speech","message":"…"}
//
// A copy of the audio with some of it silenced is a task too, which ends in the
// same ways:
//
//	→ {"type":"silence","job":{"id":"job_…","path":"/…","name":"a.mp3","silence":{"out":"/…","spans":[{"start":3.1,"end":7}]}}}
//	← {"type":"done","job":"job_…","duration":28.7}
//
// Who speaks when is a task as well:
//
//	→ {"type":"turns","job":{"id":"job_…","path":"/…","name":"a.mp3","voices":2,"model":{…}}}
//	← {"type":"done","job":"job_…","duration":28.7,"turns":[{"start":0.4,"end":6.9,"speaker":0}]}
//
// A task is cancelled by killing the worker. Closing the worker's input ends
// it and its decoder; so does the death of the pool's process. What native
// libraries print goes to stderr, never between the reports.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// version is set by the linker.
var version = "dev"

func main() {
	cache := flag.String("cache", defaultCache(), "folder for the compiled decoder")
	flag.Parse()
	word := flag.Arg(0)
	if flag.NArg() > 1 {
		rest := flag.NewFlagSet(word, flag.ExitOnError)
		rest.StringVar(cache, "cache", *cache, "folder for the compiled decoder")
		_ = rest.Parse(flag.Args()[1:]) // ends the program on an error
	}
	if err := run(word, *cache); err != nil {
		fmt.Fprintln(os.Stderr, "voxparse-engine:", err)
		os.Exit(1)
	}
}

// run does what word asks for.
func run(word, cache string) error {
	switch word {
	case "":
		return work(cache)
	case "decode":
		return serveDecoder(cache)
	case "warm":
		return warm(cache)
	case "version":
		_, err := fmt.Println(version)
		return err
	}
	return fmt.Errorf("unknown command %q; there are: decode, warm, version", word)
}

// defaultCache is voxparse below the user's cache folder, or "" without one.
func defaultCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "voxparse")
}
