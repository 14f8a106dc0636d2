package models

import (
	"slices"
	"strings"
	"sync"

	"github.com/voxparse/voxparse/api"
)

// Kinds of an Entry.
const (
	KindSpeech   = "speech"   // recognizes words
	KindVAD      = "vad"      // finds speech; every speech model needs one
	KindSpeakers = "speakers" // tells speakers apart
)

// Roles of a File that every speech model has.
const (
	RoleVAD    = "vad"
	RoleTokens = "tokens"
)

// Default is the name of the model that is used when none is named.
const Default = "moonshine-tiny"

const vadName = "silero-vad"

// Entry is one model.
type Entry struct {
	Name        string            `json:"name"`
	Kind        string            `json:"kind"`
	Family      string            `json:"family"`    // the recognizer kind, as engine.Model has it
	License     string            `json:"license"`   // SPDX identifier
	Languages   []string          `json:"languages"` // BCP 47; empty for any
	Default     bool              `json:"default"`
	Tested      bool              `json:"tested"` // our own tests run it
	Description string            `json:"description"`
	Files       []File            `json:"files"`
	Params      map[string]string `json:"params,omitempty"` // what a family needs besides

	dir string // of a local model; "" for one of the catalog
}

// File is one file of a model.
type File struct {
	Role    string   `json:"role"`
	Name    string   `json:"name"`            // base name on disk
	Owner   string   `json:"owner,omitempty"` // the entry whose folder it lies in, where it is shared
	Size    int64    `json:"size"`            // bytes; 0 where a local model does not say
	SHA256  string   `json:"sha256"`          // lower-case hex; "" where a local model does not say
	Sources []Source `json:"sources,omitempty"`
}

// Source is a place that has a file: one of the three fields groups is set.
type Source struct {
	NPM  string `json:"npm,omitempty"`  // NAME@VERSION of an npm package
	Path string `json:"path,omitempty"` // the file inside that package's archive
	URL  string `json:"url,omitempty"`  // https

	builtin func() ([]byte, error) // in the program itself
}

// String names the source for a person.
func (s Source) String() string {
	switch {
	case s.builtin != nil:
		return "the program itself"
	case s.NPM != "":
		return "npm package " + s.NPM
	}
	return redactURL(s.URL)
}

// Bytes returns the size of all files of e on disk, shared ones included.
func (e Entry) Bytes() int64 {
	var n int64
	for _, f := range e.Files {
		n += f.Size
	}
	return n
}

// Local reports whether e was defined by a model.json and not by the catalog.
func (e Entry) Local() bool { return e.dir != "" }

// Catalog returns the models that the program knows, the default first. The
// caller may change what it gets.
func Catalog() []Entry {
	return append([]Entry{
		moonshine("tiny", "English; small and fast", tinyFiles()),
		moonshine("base", "English; more accurate, half as fast", baseFiles()),
		{
			Name: vadName, Kind: KindVAD, Family: "silero", License: "MIT",
			Tested: true, Description: "finds speech in audio; every speech model needs it",
			Files: []File{vadFile("")},
		},
	}, others()...)
}

// known is the catalog for those who only look something up: the daemon does
// for every submission.
var known = sync.OnceValue(Catalog)

// Lookup returns the model of the catalog with that name, the default one
// for "". The caller does not change its slices. The error is api.NotFound and
// names the known ones.
func Lookup(name string) (Entry, error) { return find(known(), name) }

func find(entries []Entry, name string) (Entry, error) {
	if name == "" {
		name = Default
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		if e.Name == name {
			return e, nil
		}
		names[i] = e.Name
	}
	hint := ""
	if near := api.Nearest(strings.ToLower(name), names); near != "" {
		hint = "; did you mean " + near + "?"
	}
	slices.Sort(names)
	return Entry{}, api.Errorf(api.NotFound, "no model is called %q%s (known: %s)", name, hint, strings.Join(names, ", "))
}

func moonshine(size, description string, files []File) Entry {
	return Entry{
		Name: "moonshine-" + size, Kind: KindSpeech, Family: "moonshine", License: "MIT",
		Languages: []string{"en"}, Default: "moonshine-"+size == Default, Tested: true, Description: description,
		Files: append(files, tokensFile(), vadFile(vadName)),
	}
}

func tinyFiles() []File {
	return moonshineFiles("tiny", "@moonshine-ai/moonshine-js@0.1.29",
		File{Size: 7_937_661, SHA256: "c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a"},
		File{Size: 20_243_286, SHA256: "eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367"})
}

func baseFiles() []File {
	return moonshineFiles("base", "@usefulsensors/moonshine-js@0.1.17",
		File{Size: 20_513_063, SHA256: "1dd9ab0a7f987113d30affcba5a068d11c8f90fa0223caa3e491ade431ad9751"},
		File{Size: 42_498_870, SHA256: "cc9f3cd6698a369c6008b41aa60aa3fb3322e7f03c9bdf19d8e6b7200afca4f3"})
}

// moonshineFiles are the two networks of a Moonshine model, of which size and
// hash are given, with where each can be had.
func moonshineFiles(size, pkg string, encoder, decoder File) []File {
	encoder.Role, encoder.Name = "encoder", "encoder_model"
	decoder.Role, decoder.Name = "decoder", "decoder_model_merged"
	files := []File{encoder, decoder}
	for i := range files {
		f := &files[i]
		f.Sources = []Source{
			{NPM: pkg, Path: "package/dist/model/" + size + "/quantized/" + f.Name + ".onnx"},
			{URL: "https://huggingface.co/onnx-community/moonshine-" + size + "-ONNX/resolve/main/onnx/" + f.Name + "_quantized.onnx"},
			{URL: "https://download.moonshine.ai/model/" + size + "/quantized/" + f.Name + ".onnx"},
		}
		f.Name += ".onnx"
	}
	return files
}

func vadFile(owner string) File {
	return File{
		Role: RoleVAD, Name: "silero_vad_v5.onnx", Owner: owner, Size: 2_327_524,
		SHA256: "2623a2953f6ff3d2c1e61740c6cdb7168133479b267dfef114a4a3cc5bdd788f",
		Sources: []Source{
			{NPM: "@ricky0123/vad-web@0.0.31", Path: "package/dist/silero_vad_v5.onnx"},
			{URL: "https://raw.githubusercontent.com/snakers4/silero-vad/v5.1.2/src/silero_vad/data/silero_vad.onnx"},
		},
	}
}
