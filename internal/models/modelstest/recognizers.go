package modelstest

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Said is what the models of Recognizer hear in everything.
const Said = "Hello wide world"

// SaidAt are the times of the words of Said in what they are fed, in seconds,
// where their kind of model tells times.
var SaidAt = []float64{0.72, 1.2, 2.4}

// Recognizer writes a model of that family into dir and returns role → path of
// its files, the voice activity model aside. It has the form of the real ones,
// and hears Said in everything. The families are zipformer_ctc, transducer,
// sense_voice and whisper; the last two find the language to be German.
func Recognizer(tb testing.TB, family, dir string) map[string]string {
	tb.Helper()
	contents := map[string]func() map[string][]byte{
		"zipformer_ctc": zipformer, "transducer": transducer, "sense_voice": senseVoice, "whisper": whisper,
	}[family]
	if contents == nil {
		tb.Fatalf("there is no model of the family %s", family)
	}
	files := map[string]string{}
	for role, content := range contents() {
		files[role] = filepath.Join(dir, role)
		if err := os.WriteFile(files[role], content, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return files
}

// pieces are the tokens of Said from 1 on; 0 is nothing said.
var pieces = []string{"<blk>", "\u2581Hello", "\u2581wi", "de", "\u2581world"}

func table(tokens []string) []byte {
	var b strings.Builder
	for i, t := range tokens {
		fmt.Fprintf(&b, "%s %d\n", t, i)
	}
	return []byte(b.String())
}

// spikes is a matrix of frames by tokens in which the pieces of Said stick out
// at their times, when frames are so many milliseconds long, after skip frames
// with the tokens of first.
func spikes(frames, vocabulary, milliseconds int, first ...int) []float32 {
	out := make([]float32, frames*vocabulary)
	at := make([]int, frames)
	copy(at, first)
	second := int(SaidAt[1]*1000)/milliseconds + len(first)
	at[int(SaidAt[0]*1000)/milliseconds+len(first)] = 1
	at[second], at[second+1] = 2, 3
	at[int(SaidAt[2]*1000)/milliseconds+len(first)] = 4
	for i, t := range at {
		out[i*vocabulary+t] = 10
	}
	return out
}

func identity(output, input string) message { return node("Identity", output, []string{input}, nil) }

// acoustic is what the inputs of most models are.
func acoustic() []message { return []message{value("x", "N", "T", 80), typed("x_lens", int64s, "N")} }

// sayer gives the spikes of Said, and how many frames they have, whatever it is
// fed: by the names of the two outputs.
func sayer(frames, length string) graph {
	n := len(pieces)
	return graph{
		inputs:    acoustic(),
		outputs:   []message{value(frames, "N", "F", n), typed(length, int64s, "N")},
		constants: []message{constant("c", []int{1, 100, n}, spikes(100, n, 40)...), whole("l", 100)},
		nodes:     []message{identity(frames, "c"), identity(length, "l")},
	}
}

func zipformer() map[string][]byte {
	g := sayer("log_probs", "log_probs_len")
	return map[string][]byte{"tokens": table(pieces), "model": g.model(map[string]string{"model_type": "zipformer2_ctc"})}
}

func transducer() map[string][]byte {
	n := len(pieces)
	encoder := sayer("encoder_out", "encoder_out_lens")
	decoder := graph{
		inputs:    []message{typed("y", int64s, "N", 2)},
		outputs:   []message{value("decoder_out", "N", n)},
		constants: []message{constant("c", []int{1, n}, make([]float32, n)...)},
		nodes:     []message{identity("decoder_out", "c")},
	}
	joiner := graph{
		inputs:  []message{value("encoder_out", "N", n), value("decoder_out", "N", n)},
		outputs: []message{value("logit", "N", n)},
		nodes:   []message{node("Add", "logit", []string{"encoder_out", "decoder_out"}, nil)},
	}
	return map[string][]byte{
		"tokens":  table(pieces),
		"encoder": encoder.model(map[string]string{"model_type": "zipformer2"}),
		"decoder": decoder.model(map[string]string{"vocab_size": fmt.Sprint(n), "context_size": "2"}),
		"joiner":  joiner.model(map[string]string{"joiner_dim": fmt.Sprint(n)}),
	}
}

func senseVoice() map[string][]byte {
	tokens := append(pieces[:len(pieces):len(pieces)], "<|de|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>")
	const frames = 1000
	n := len(tokens)
	g := graph{
		inputs:    []message{value("x", "N", "T", 560), typed("x_length", int32s, "N"), typed("language", int32s, "N"), typed("text_norm", int32s, "N")},
		outputs:   []message{value("logits", "N", "F", n)},
		constants: []message{constant("c", []int{1, frames, n}, spikes(frames, n, 60, n-4, n-3, n-2, n-1)...)},
		nodes:     []message{identity("logits", "c")},
	}
	list := func(v string) string { return strings.TrimSuffix(strings.Repeat(v+",", 560), ",") }
	return map[string][]byte{"tokens": table(tokens), "model": g.model(map[string]string{
		"model_type": "sense_voice_ctc", "comment": "", "vocab_size": fmt.Sprint(n), "lfr_window_size": "7", "lfr_window_shift": "6", "normalize_samples": "0",
		"with_itn": "14", "without_itn": "15", "lang_auto": "0", "lang_zh": "3", "lang_en": "4", "lang_yue": "7", "lang_ja": "11", "lang_ko": "12",
		"neg_mean": list("0"), "inv_stddev": list("1"),
	})}
}

// whisper says a token a step, whatever it said before. The step is the offset
// in the text, which begins with four tokens that are no words.
func whisper() map[string][]byte {
	const eot, sot, transcribe, translate, untimed, silent, english, german, vocabulary, steps = 3, 4, 5, 6, 7, 8, 9, 10, 11, 448
	logits := make([]float32, steps*vocabulary)
	for step, token := range map[int]int{0: 0, 4: 1, 5: 2, 6: eot} {
		logits[step*vocabulary+token] = 10
	}
	logits[german] = 5
	var tokens strings.Builder
	for i, word := range strings.Fields(Said) {
		if i > 0 {
			word = " " + word
		}
		fmt.Fprintf(&tokens, "%s %d\n", base64.StdEncoding.EncodeToString([]byte(word)), i)
	}
	cache := func(name string) message { return value(name, 1, "N", "C", 4) }
	encoder := graph{
		inputs:    []message{value("mel", "N", 80, "T")},
		outputs:   []message{cache("n_layer_cross_k"), cache("n_layer_cross_v")},
		constants: []message{constant("c", []int{1, 1, 4, 4}, make([]float32, 16)...)},
		nodes:     []message{identity("n_layer_cross_k", "c"), identity("n_layer_cross_v", "c")},
	}
	decoder := graph{
		inputs: []message{typed("tokens", int64s, "N", "L"), cache("in_n_layer_self_k_cache"), cache("in_n_layer_self_v_cache"),
			cache("n_layer_cross_k"), cache("n_layer_cross_v"), typed("offset", int64s, 1)},
		outputs:   []message{value("logits", "N", "L2", vocabulary), cache("out_n_layer_self_k_cache"), cache("out_n_layer_self_v_cache")},
		constants: []message{constant("steps", []int{steps, 1, vocabulary}, logits...)},
		nodes: []message{node("Gather", "logits", []string{"steps", "offset"}, map[string]any{"axis": 0}),
			identity("out_n_layer_self_k_cache", "in_n_layer_self_k_cache"), identity("out_n_layer_self_v_cache", "in_n_layer_self_v_cache")},
	}
	number := func(n int) string { return fmt.Sprint(n) }
	return map[string][]byte{"tokens": []byte(tokens.String()), "decoder": decoder.model(nil), "encoder": encoder.model(map[string]string{
		"model_type": "whisper-test", "n_mels": "80", "n_text_layer": "1", "n_text_ctx": number(steps), "n_text_state": "4", "n_vocab": number(vocabulary),
		"sot": number(sot), "eot": number(eot), "blank_id": "0", "translate": number(translate), "transcribe": number(transcribe),
		"is_multilingual": "1", "no_timestamps": number(untimed), "no_speech": number(silent), "sot_sequence": fmt.Sprintf("%d,%d,%d", sot, english, transcribe),
		"all_language_tokens": fmt.Sprintf("%d,%d", english, german), "all_language_codes": "en,de",
	})}
}
