package moonshine

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// sampleRate is of all audio here.
const sampleRate = 16000

// tokensPerSecond bounds how much is said in a piece: fast speech has about
// six tokens a second, and what comes after is a loop.
const tokensPerSecond = 6.5

// Token is a part of a text.
type Token struct {
	Text      string    // with a space in front where a word begins
	Chance    float64   // that the model gave it
	Attention []float32 // for each frame, how much those heads looked at it that follow the speech, 0-1
}

// Text is what a piece says, as far as the model knows.
type Text struct {
	Tokens []Token
	Frames int     // of the sound; they follow each other evenly
	End    float64 // the chance that the text ends there; 0 where it was cut off
	Early  float64 // by how much the attention comes before the speech, in seconds
}

// String is the text in words.
func (t Text) String() string {
	var b strings.Builder
	for _, k := range t.Tokens {
		b.WriteString(k.Text)
	}
	return strings.TrimSpace(b.String())
}

// Recognizer recognizes pieces on the thread that calls it. It is not safe for
// concurrent use.
type Recognizer struct {
	m       *Model
	steps   func()
	buffers map[string][]float32
}

// NewRecognizer returns a recognizer that uses m. It calls steps many times a
// second while it works.
func (m *Model) NewRecognizer(steps func()) *Recognizer {
	return &Recognizer{m: m, steps: steps, buffers: map[string][]float32{}}
}

// buffer returns room for n numbers, which holds what it held.
func (r *Recognizer) buffer(name string, n int) []float32 {
	if cap(r.buffers[name]) < n {
		r.buffers[name] = make([]float32, n)
	}
	return r.buffers[name][:n]
}

// row is a piece in a batch.
type row struct {
	index  int // of the piece
	frames int
	limit  int // of tokens
	text   Text
}

// batch is what the graph of a token works on. Rows are taken out once their
// text has ended.
type batch struct {
	r      *Recognizer
	rows   []*row
	frames int // of the longest piece
	tokens []int64
	mask   []float32
	cross  [][]float32 // by layer: keys, values
	past   [][]float32 // likewise
	spare  [][]float32 // room for the next past
}

// Recognize returns what is said in each of pieces, which share one batch: the
// more alike their lengths, the better. They are samples of 16 kHz, at most
// 30 s each.
func (r *Recognizer) Recognize(pieces [][]float32) ([]Text, error) {
	b := &batch{r: r}
	out := make([]Text, len(pieces))
	limit := 0
	for i, p := range pieces {
		f := frames(len(p))
		if f == 0 {
			continue // too short to be anything
		}
		row := &row{index: i, frames: f, limit: int(tokensPerSecond*float64(len(p))/sampleRate) + 4}
		row.text.Frames, row.text.Early = f, r.m.shape.Early
		b.rows = append(b.rows, row)
		b.frames, limit = max(b.frames, f), max(limit, row.limit)
	}
	if len(b.rows) == 0 {
		return out, nil
	}
	b.room(limit)
	for i, row := range b.rows {
		if err := b.listen(i, pieces[row.index]); err != nil {
			return nil, err
		}
		r.steps()
	}
	for position := 0; len(b.rows) > 0; position++ {
		ended, err := b.step(position)
		if err != nil {
			return nil, err
		}
		r.steps()
		for _, i := range slices.Backward(ended) {
			out[b.rows[i].index] = b.rows[i].text
			b.remove(i, position+1)
		}
	}
	return out, nil
}

// room makes room for so many tokens.
func (b *batch) room(limit int) {
	s, n := b.r.m.shape, len(b.rows)
	sound := n * s.Width * b.frames
	for l := range s.Layers {
		b.cross = append(b.cross, b.r.buffer(crossKey(l), sound), b.r.buffer(crossValue(l), sound))
		for _, name := range []string{pastKey(l), pastValue(l)} {
			b.past = append(b.past, b.r.buffer(name, n*s.Width*(limit+1)))
			b.spare = append(b.spare, b.r.buffer("spare "+name, n*s.Width*(limit+1)))
		}
	}
	b.mask = b.r.buffer("mask", n*b.frames)
	b.tokens = slices.Repeat([]int64{beginning}, n)
	for i, row := range b.rows {
		for f := range b.frames {
			b.mask[i*b.frames+f] = 0
			if f >= row.frames {
				b.mask[i*b.frames+f] = -1e9
			}
		}
	}
}

// listen encodes a piece and lays its keys and values into row i.
func (b *batch) listen(i int, samples []float32) error {
	r, s, f := b.r, b.r.m.shape, b.rows[i].frames
	sound := r.buffer("sound", f*s.Width)
	encode := &tensors{}
	add(encode, samples, 1, len(samples))
	add(encode, sound, 1, f, s.Width)
	if err := encode.run(r.m.encode, 1); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	prepare, outs := &tensors{}, make([][]float32, 2*s.Layers)
	add(prepare, sound, 1, f, s.Width)
	for l := range s.Layers {
		outs[2*l], outs[2*l+1] = r.buffer(newKey(l), f*s.Width), r.buffer(newValue(l), f*s.Width)
		add(prepare, outs[2*l], 1, s.Heads, s.HeadSize, f)
		add(prepare, outs[2*l+1], 1, s.Heads, f, s.HeadSize)
	}
	if err := prepare.run(r.m.cross, 1); err != nil {
		return fmt.Errorf("prepare the sound: %w", err)
	}
	for n, out := range outs {
		to := b.cross[n][i*s.Width*b.frames : (i+1)*s.Width*b.frames]
		stretch := f // of frames of a number, or of numbers of all frames of a head
		if n%2 == 1 {
			stretch *= s.HeadSize
		}
		room := stretch / f * b.frames
		for j := range len(out) / stretch {
			clear(to[j*room+copy(to[j*room:], out[j*stretch:(j+1)*stretch]) : (j+1)*room])
		}
	}
	return nil
}

// tensors are what goes in and out of a session, in its order. Its first
// errors stay.
type tensors struct {
	values []ort.Value
	err    error
}

// add wraps data, which stays the caller's.
func add[T ort.TensorData](t *tensors, data []T, dims ...int) {
	s := make(ort.Shape, len(dims))
	for i, d := range dims {
		s[i] = int64(d)
	}
	v, err := ort.NewTensor(s, data)
	if err != nil {
		t.err = errors.Join(t.err, err)
		return
	}
	t.values = append(t.values, v)
}

// run runs s, whose inputs are the first of t and its outputs the others, and
// frees t.
func (t *tensors) run(s *ort.DynamicAdvancedSession, inputs int) error {
	err := t.err
	if err == nil {
		err = s.Run(t.values[:inputs], t.values[inputs:])
	}
	for _, v := range t.values {
		err = errors.Join(err, v.Destroy())
	}
	return err
}

// step makes a token for every row and returns the rows that ended.
func (b *batch) step(position int) (ended []int, err error) {
	s, n := b.r.m.shape, len(b.rows)
	next, chance := make([]int64, n), b.r.buffer("chance", n)
	attention := b.r.buffer("attention", n*s.Watched*b.frames)
	same, other := s.turn(position)
	t := &tensors{}
	add(t, b.tokens, n, 1)
	add(t, same, 1, 2*s.Heads, 1, s.HeadSize)
	add(t, other, 1, 2*s.Heads, 1, s.HeadSize)
	add(t, b.mask, n, 1, 1, b.frames)
	for l := range s.Layers {
		add(t, b.cross[2*l], n, s.Heads, s.HeadSize, b.frames)
		add(t, b.cross[2*l+1], n, s.Heads, b.frames, s.HeadSize)
	}
	for _, p := range b.past {
		add(t, p, n, s.Heads, position, s.HeadSize)
	}
	inputs := len(t.values)
	add(t, next, n, 1)
	add(t, chance, n, 1)
	add(t, attention, n, s.Watched, 1, b.frames)
	for _, p := range b.spare {
		add(t, p, n, s.Heads, position+1, s.HeadSize)
	}
	if err := t.run(b.r.m.token, inputs); err != nil {
		return nil, fmt.Errorf("make a token: %w", err)
	}
	b.past, b.spare = b.spare, b.past
	for i, row := range b.rows {
		b.tokens[i] = next[i]
		if row.take(b.r.m.tokens, next[i], chance[i], attention[i*s.Watched*b.frames:(i+1)*s.Watched*b.frames], b.frames) {
			ended = append(ended, i)
		}
	}
	return ended, nil
}

// take takes a token and reports whether the text has ended.
func (r *row) take(table []string, id int64, chance float32, attention []float32, frames int) bool {
	if id == ending {
		r.text.End = float64(chance)
		return true
	}
	t := Token{Chance: float64(chance)}
	if int(id) < len(table) {
		t.Text = table[id]
	}
	t.Attention = make([]float32, r.frames)
	heads := float32(len(attention) / frames)
	for ; len(attention) > 0; attention = attention[frames:] {
		for f, a := range attention[:r.frames] {
			t.Attention[f] += a / heads
		}
	}
	r.text.Tokens = append(r.text.Tokens, t)
	return len(r.text.Tokens) == r.limit
}

// remove takes row i out, whose place the last one takes.
func (b *batch) remove(i, length int) {
	s, last := b.r.m.shape, len(b.rows)-1
	if i != last {
		b.rows[i], b.tokens[i] = b.rows[last], b.tokens[last]
		move := func(all []float32, size int) { copy(all[i*size:(i+1)*size], all[last*size:(last+1)*size]) }
		move(b.mask, b.frames)
		for _, c := range b.cross {
			move(c, s.Width*b.frames)
		}
		for _, p := range b.past {
			move(p, s.Width*length)
		}
	}
	b.rows, b.tokens = b.rows[:last], b.tokens[:last]
}

// turn returns by what the queries and keys of a token are turned: queries are
// scaled as well.
func (s shape) turn(position int) (same, other []float32) {
	size := s.Heads * s.HeadSize
	same, other = make([]float32, 2*size), make([]float32, 2*size)
	scale := 1 / math.Sqrt(float64(s.HeadSize))
	for i := range s.HeadSize {
		cos, sin := 1.0, 0.0
		if i/2 < len(s.Frequencies) {
			sin, cos = math.Sincos(float64(float32(position) * s.Frequencies[i/2]))
		}
		if i%2 == 0 {
			sin = -sin
		}
		for h := range s.Heads {
			at := h*s.HeadSize + i
			same[at], other[at] = float32(cos*scale), float32(sin*scale)
			same[size+at], other[size+at] = float32(cos), float32(sin)
		}
	}
	return same, other
}
