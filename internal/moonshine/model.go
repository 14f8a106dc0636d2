package moonshine

import (
	"errors"
	"fmt"
	"os"

	ort "github.com/yalue/onnxruntime_go"
)

// Files are the paths of a model: the encoder, the merged decoder, and the
// table of tokens. Beside the decoder a file appears that holds what is
// derived of it.
type Files struct {
	Encoder, Decoder, Tokens string
}

// Model is a loaded model. Any number of recognizers may share it.
type Model struct {
	shape                shape
	tokens               []string
	encode, cross, token *ort.DynamicAdvancedSession
}

// Open loads a model. The caller closes it. The error is ErrLayout where the
// decoder is not a merged one of 8-bit weights.
func Open(f Files) (*Model, error) { return open(f, nil) }

// open is Open with other heads to watch than those chosen by measurement.
func open(f Files, watch []Head) (*Model, error) {
	if err := start(); err != nil {
		return nil, err
	}
	tokens, err := readTokens(f.Tokens)
	if err != nil {
		return nil, err
	}
	d, err := derivedOf(f.Decoder, watch)
	if err != nil {
		return nil, err
	}
	encoder, err := os.ReadFile(f.Encoder)
	if err != nil {
		return nil, fmt.Errorf("read the encoder: %w", err)
	}
	m := &Model{shape: d.Shape, tokens: tokens}
	if err := m.load(encoder, d); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// load makes the sessions.
func (m *Model) load(encoder []byte, d derived) (err error) {
	if m.encode, err = session(encoder, []string{"input_values"}, []string{"last_hidden_state"}); err != nil {
		return err
	}
	var kv, in, out []string
	for l := range m.shape.Layers {
		kv = append(kv, crossKey(l), crossValue(l))
	}
	if m.cross, err = session(d.Cross, []string{"sound"}, kv); err != nil {
		return err
	}
	in = append([]string{"token", "turn_same", "turn_other", "mask"}, kv...)
	out = []string{"next", "chance", "attention"}
	for l := range m.shape.Layers {
		in = append(in, pastKey(l), pastValue(l))
		out = append(out, newKey(l), newValue(l))
	}
	m.token, err = session(d.Step, in, out)
	return err
}

// Close frees the model. No recognizer may use it any more.
func (m *Model) Close() error {
	var err error
	for _, s := range []*ort.DynamicAdvancedSession{m.encode, m.cross, m.token} {
		if s != nil {
			err = errors.Join(err, s.Destroy())
		}
	}
	return err
}

// frames is how many vectors the encoder makes of so many samples: three
// convolutions of 127, 7 and 3 wide, in strides of 64, 3 and 2.
func frames(samples int) int {
	n := samples
	for _, c := range [][2]int{{127, 64}, {7, 3}, {3, 2}} {
		if n < c[0] {
			return 0
		}
		n = (n-c[0])/c[1] + 1
	}
	return n
}

// FrameSeconds is from one frame of the sound to the next.
const FrameSeconds = 64 * 3 * 2 / float64(sampleRate)
