package models

// The models in this file are not part of our tests. Their sizes and hashes
// are the ones that several unrelated projects publish for the files behind
// these URLs; a pull that meets other bytes is refused.

const modelsURL = "https://huggingface.co/csukuangfj/"

// others are the models that are there for those who want them.
func others() []Entry {
	return []Entry{
		whisper("tiny", "many languages, finds out which; small",
			whisperFile{12_937_772, "d24fb083ae3b1041fc24e97971d60e280c9342201fbb67b0ab428a8b4a51a434"},
			whisperFile{89_855_401, "d2fece8dd42771f1df975c6c0445770d0c292bf7547c2cae04a6c0cc57540925"}),
		whisper("base", "many languages, finds out which; more accurate than tiny",
			whisperFile{29_120_534, "0b8fb1304b6109976038efff5ace81720e00386f3ff6b54ee8c75291ca0a1e11"},
			whisperFile{130_672_026, "9759d217388a01b3a4c7c15533201067b48ae819c4daafc8624e64b9409dc02d"}),
		whisper("small", "many languages, finds out which; accurate and slow",
			whisperFile{112_442_483, "4cbe7b22fa9026b843b60a68640c747de05bafb1a11b57edc0e66c232d9f33a9"},
			whisperFile{262_226_114, "acad50b5c782696e91b55914cc5ab4f756f1532f76e22aa6fc615f39fb69a8ee"}),
		parakeet(),
		senseVoice(),
		speakerModels(),
	}
}

type whisperFile struct {
	size   int64
	sha256 string
}

func whisper(size, description string, encoder, decoder whisperFile) Entry {
	base := modelsURL + "sherpa-onnx-whisper-" + size + "/resolve/main/" + size
	return Entry{
		Name: "whisper-" + size, Kind: KindSpeech, Family: "whisper", License: "MIT", Description: description,
		Files: []File{
			remote("encoder", base+"-encoder.int8.onnx", "encoder.int8.onnx", encoder.size, encoder.sha256),
			remote("decoder", base+"-decoder.int8.onnx", "decoder.int8.onnx", decoder.size, decoder.sha256),
			remote(RoleTokens, base+"-tokens.txt", "tokens.txt", 816_730, "b34b360dbb493e781e479794586d661700670d65564001f23024971d1f2fa126"),
			vadFile(vadName),
		},
	}
}

func parakeet() Entry {
	const base = modelsURL + "sherpa-onnx-nemo-parakeet-tdt-0.6b-v3-int8/resolve/main/"
	return Entry{
		Name: "parakeet-tdt-v3", Kind: KindSpeech, Family: "transducer", License: "CC-BY-4.0",
		Languages: []string{"bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "hr", "hu", "it", "lt", "lv",
			"mt", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sv", "uk"},
		Description: "25 European languages, with word times; large and accurate",
		Params:      map[string]string{"model_type": "nemo_transducer"},
		Files: []File{
			remote("encoder", base+"encoder.int8.onnx", "encoder.int8.onnx", 652_184_281, "acfc2b4456377e15d04f0243af540b7fe7c992f8d898d751cf134c3a55fd2247"),
			remote("decoder", base+"decoder.int8.onnx", "decoder.int8.onnx", 11_845_275, "179e50c43d1a9de79c8a24149a2f9bac6eb5981823f2a2ed88d655b24248db4e"),
			remote("joiner", base+"joiner.int8.onnx", "joiner.int8.onnx", 6_355_277, "3164c13fc2821009440d20fcb5fdc78bff28b4db2f8d0f0b329101719c0948b3"),
			remote(RoleTokens, base+"tokens.txt", "tokens.txt", 93_939, "d58544679ea4bc6ac563d1f545eb7d474bd6cfa467f0a6e2c1dc1c7d37e3c35d"),
			vadFile(vadName),
		},
	}
}

func senseVoice() Entry {
	const base = modelsURL + "sherpa-onnx-sense-voice-zh-en-ja-ko-yue-2024-07-17/resolve/main/"
	return Entry{
		Name: "sense-voice", Kind: KindSpeech, Family: "sense_voice", License: "LicenseRef-FunASR-1.1",
		Languages:   []string{"zh", "yue", "en", "ja", "ko"},
		Description: "Chinese, Cantonese, English, Japanese, Korean; finds out which",
		Files: []File{
			remote("model", base+"model.int8.onnx", "model.int8.onnx", 239_233_841, "c71f0ce00bec95b07744e116345e33d8cbbe08cef896382cf907bf4b51a2cd51"),
			remote(RoleTokens, base+"tokens.txt", "tokens.txt", 315_894, "f449eb28dc567533d7fa59be34e2abca8784f771850c78a47fb731a31429a1dc"),
			vadFile(vadName),
		},
	}
}

// Speakers is the name of the model that tells speakers apart in one channel.
const Speakers = "speakers"

// Roles of the files of the Speakers model.
const (
	RoleSegmentation = "segmentation" // where voices change
	RoleEmbedding    = "embedding"    // what a voice is like
)

func speakerModels() Entry {
	return Entry{
		Name: Speakers, Kind: KindSpeakers, Family: "pyannote", License: "MIT AND CC-BY-4.0",
		Description: "tells speakers apart (pyannote segmentation 3.0, NeMo TitaNet small)",
		Files: []File{
			remote(RoleSegmentation, modelsURL+"sherpa-onnx-pyannote-segmentation-3-0/resolve/main/model.onnx",
				"pyannote-segmentation-3-0.onnx", 5_992_913, "220ad67ca923bef2fa91f2390c786097bf305bceb5e261d4af67b38e938e1079"),
			// The release really is called recongition.
			remote(RoleEmbedding, "https://github.com/k2-fsa/sherpa-onnx/releases/download/speaker-recongition-models/nemo_en_titanet_small.onnx",
				"nemo_en_titanet_small.onnx", 40_257_283, "ad4a1802485d8b34c722d2a9d04249662f2ece5d28a7a039063ca22f515a789e"),
		},
	}
}

// remote is a file that has one public URL.
func remote(role, url, name string, size int64, sha256 string) File {
	return File{Role: role, Name: name, Size: size, SHA256: sha256, Sources: []Source{{URL: url}}}
}
