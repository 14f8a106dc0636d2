package moonshine

import (
	"errors"
	"fmt"
	"math"

	"github.com/voxparse/voxparse/internal/onnx"
)

// contrib is the domain of ONNX Runtime's own operations.
const contrib = "com.microsoft"

// opsets are the versions of the operations that the derived graphs use.
var opsets = map[string]int{"": 17, contrib: 1}

// shape is what has to be known of a decoder to run its graphs.
type shape struct {
	Layers, Heads, HeadSize, Width, Tokens int
	Frequencies                            []float32
	Watched                                int     // heads whose attention comes out
	Early                                  float64 // by how much they look too early, in seconds
}

// Head is one head of the attention to the sound.
type Head struct{ Layer, Head int }

// derived is what is made of a merged decoder: a graph that prepares the keys
// and values of the sound, once for each piece, and one that makes a token.
type derived struct {
	Shape       shape
	Cross, Step []byte
}

// follower says which heads of the attention follow the speech.
type follower struct {
	heads []Head
	early float64 // by how much they look at a word before it begins, in seconds
}

// followers are chosen by how much of their attention falls on the word that
// is written, in speech that was aligned by other means, and by how far words
// began from where they do there. The key is the number of layers.
var followers = map[int]follower{
	6: {[]Head{{3, 0}, {3, 2}, {3, 5}, {3, 6}, {4, 3}, {4, 6}}, 0.055},
	8: {[]Head{{4, 2}, {5, 3}, {5, 5}, {5, 6}, {6, 0}, {6, 1}, {6, 4}, {6, 5}}, 0.025},
}

// derive makes the two graphs of a merged decoder. The attention of the heads
// in watch is an output of the second; nil stands for those that follow the
// speech best.
func derive(file []byte, watch []Head) (derived, error) {
	s, err := readSource(file)
	if err != nil {
		return derived{}, err
	}
	turn, err := s.frequencies()
	if err != nil {
		return derived{}, err
	}
	early := 0.0
	if watch == nil {
		watch, early = followers[s.layers].heads, followers[s.layers].early
	}
	if watch == nil { // unknown: all of the layer in the middle
		for h := range s.heads {
			watch = append(watch, Head{s.layers / 2, h})
		}
	}
	d := derived{Shape: shape{Layers: s.layers, Heads: s.heads, HeadSize: s.headSize, Width: s.width, Frequencies: turn, Watched: len(watch), Early: early}}
	cross := &builder{source: s, Graph: onnx.Graph{Constants: map[string]onnx.Tensor{}}}
	cross.cross()
	step := &builder{source: s, Graph: onnx.Graph{Constants: map[string]onnx.Tensor{}}}
	d.Shape.Tokens = step.step(watch)
	if err := errors.Join(cross.err, step.err); err != nil {
		return derived{}, err
	}
	d.Cross, d.Step = cross.Encode("cross", opsets), step.Encode("step", opsets)
	return d, nil
}

// builder makes a graph, node by node. Its first error stays.
type builder struct {
	onnx.Graph
	source *source
	err    error
}

// add appends a node and returns the name of its only output.
func (b *builder) add(op, out string, attributes map[string]any, inputs ...string) string {
	domain := ""
	switch op {
	case "DynamicQuantizeMatMul", "SkipLayerNormalization", "FusedMatMul", "QuickGelu":
		domain = contrib
	}
	b.Nodes = append(b.Nodes, onnx.Node{Op: op, Domain: domain, Inputs: inputs, Outputs: []string{out}, Attributes: attributes})
	return out
}

// constant keeps t under a name, which it returns.
func (b *builder) constant(name string, t onnx.Tensor) string {
	b.Constants[name] = t
	return name
}

// norm keeps the weights of a normalization.
func (b *builder) norm(name string) string {
	w, err := b.source.norm(name)
	b.err = errors.Join(b.err, err)
	return b.constant(name, onnx.Floats(w, len(w)))
}

func (b *builder) matrix(branch map[string]onnx.Node, name string) weight {
	w, err := b.source.matrix(branch, name)
	b.err = errors.Join(b.err, err)
	return w
}

// project multiplies in by the weights, side by side: the columns of one after
// those of the other.
func (b *builder) project(out, in string, ws ...weight) string {
	if b.err != nil {
		return out
	}
	columns := 0
	for _, w := range ws {
		columns += w.columns
	}
	rows := ws[0].rows
	values := make([]byte, 0, rows*columns)
	for r := range rows {
		for _, w := range ws {
			values = append(values, w.values[r*w.columns:(r+1)*w.columns]...)
		}
	}
	scale, zero := onnx.Floats([]float32{ws[0].scale}), onnx.Bytes([]byte{ws[0].zero})
	if len(ws) > 1 {
		var scales []float32
		var zeros []byte
		for _, w := range ws {
			for range w.columns {
				scales, zeros = append(scales, w.scale), append(zeros, w.zero)
			}
		}
		scale, zero = onnx.Floats(scales, columns), onnx.Bytes(zeros, columns)
	}
	inputs := []string{in, b.constant(out+".weight", onnx.Bytes(values, rows, columns)),
		b.constant(out+".scale", scale), b.constant(out+".zero", zero)}
	if ws[0].bias != nil {
		inputs = append(inputs, b.constant(out+".bias", onnx.Floats(ws[0].bias, columns)))
	}
	return b.add("DynamicQuantizeMatMul", out, nil, inputs...)
}

// shaped reshapes in; 0 keeps a dimension, -1 takes what is left.
func (b *builder) shaped(in, out string, dims ...int) string {
	name := "shape" + fmt.Sprint(dims)
	return b.add("Reshape", out, nil, in, b.constant(name, onnx.Longs(dims, len(dims))))
}

// cross makes the graph of keys and values: of the sound as the encoder has
// it, [1, frames, width], the keys [1, heads, size, frames], scaled, and the
// values [1, heads, frames, size] of every layer.
func (b *builder) cross() {
	s := b.source
	b.Inputs = []onnx.Port{{Name: "sound", Type: onnx.Float, Dims: []int{1, -1, s.width}}}
	var all []weight
	var names []string
	for _, part := range []string{"k_proj", "v_proj"} {
		for l := range s.layers {
			w := b.matrix(s.first, layerName(l, "encoder_attn/"+part))
			if part == "k_proj" {
				w.scale /= float32(math.Sqrt(float64(s.headSize)))
			}
			all = append(all, w)
			names = append(names, fmt.Sprintf("%s.%d", part, l))
		}
	}
	b.project("projected", "sound", all...)
	b.Nodes = append(b.Nodes, onnx.Node{Op: "Split", Inputs: []string{"projected"}, Outputs: names, Attributes: map[string]any{"axis": 2}})
	for l := range s.layers {
		key := b.shaped(fmt.Sprintf("k_proj.%d", l), fmt.Sprintf("k_heads.%d", l), 1, -1, s.heads, s.headSize)
		value := b.shaped(fmt.Sprintf("v_proj.%d", l), fmt.Sprintf("v_heads.%d", l), 1, -1, s.heads, s.headSize)
		b.add("Transpose", crossKey(l), map[string]any{"perm": []int{0, 2, 3, 1}}, key)
		b.add("Transpose", crossValue(l), map[string]any{"perm": []int{0, 2, 1, 3}}, value)
		b.Outputs = append(b.Outputs, onnx.Port{Name: crossKey(l), Type: onnx.Float, Dims: []int{1, s.heads, s.headSize, -1}},
			onnx.Port{Name: crossValue(l), Type: onnx.Float, Dims: []int{1, s.heads, -1, s.headSize}})
	}
}

// The names of what goes in and out of the graphs.
func crossKey(layer int) string   { return fmt.Sprintf("cross_key.%d", layer) }
func crossValue(layer int) string { return fmt.Sprintf("cross_value.%d", layer) }
func pastKey(layer int) string    { return fmt.Sprintf("past_key.%d", layer) }
func pastValue(layer int) string  { return fmt.Sprintf("past_value.%d", layer) }
func newKey(layer int) string     { return fmt.Sprintf("key.%d", layer) }
func newValue(layer int) string   { return fmt.Sprintf("value.%d", layer) }

// step makes the graph of a token and returns how many tokens there are.
func (b *builder) step(watch []Head) int {
	s := b.source
	embed, err := s.embedding()
	epsilon, err1 := s.epsilon()
	if b.err = errors.Join(b.err, err, err1); b.err != nil {
		return 0
	}
	b.ports(len(watch))
	scale, zero := b.constant("embed.scale", onnx.Floats([]float32{embed.scale})), b.constant("embed.zero", onnx.Bytes([]byte{embed.zero}))
	rows := b.add("Gather", "embed.rows", nil, b.constant("embed", onnx.Bytes(embed.values, embed.rows, embed.columns)), "token")
	x := b.add("DequantizeLinear", "embed.vector", nil, rows, scale, zero)
	h := b.add("LayerNormalization", "normal.0", map[string]any{"epsilon": epsilon, "axis": -1}, x, b.norm(layerName(0, "input_layernorm")))
	var watched []string
	for l := range s.layers {
		name := func(part string) string { return fmt.Sprintf("%s.%d", part, l) }
		after := func(delta, part, norm string) { // adds delta to x and normalizes the sum
			out, sum := name(part), name(part+"_sum")
			b.Nodes = append(b.Nodes, onnx.Node{Op: "SkipLayerNormalization", Domain: contrib, Inputs: []string{x, delta, b.norm(norm)},
				Outputs: []string{out, "", "", sum}, Attributes: map[string]any{"epsilon": epsilon}})
			x, h = sum, out
		}
		after(b.own(l, h), "heard_self", layerName(l, "post_attention_layernorm"))
		delta, weights := b.sound(l, h)
		after(delta, "heard_sound", layerName(l, "final_layernorm"))
		next := "/model/decoder/norm"
		if l+1 < s.layers {
			next = layerName(l+1, "input_layernorm")
		}
		after(b.think(l, h), "thought", next)
		watched = append(watched, b.watch(l, weights, watch)...)
	}
	b.add("Concat", "attention", map[string]any{"axis": 1}, watched...)
	logits := b.project("logits", h, embed.transposed())
	b.add("ArgMax", "next", map[string]any{"axis": -1, "keepdims": 0}, logits)
	chances := b.add("Softmax", "chances", map[string]any{"axis": -1}, logits)
	b.add("ReduceMax", "chance", map[string]any{"axes": []int{-1}, "keepdims": 0}, chances)
	return embed.rows
}

// ports declares what goes in and out of the graph of a token.
func (b *builder) ports(watched int) {
	s := b.source
	b.Inputs = []onnx.Port{
		{Name: "token", Type: onnx.Int64, Dims: []int{-1, 1}},
		{Name: "turn_same", Type: onnx.Float, Dims: []int{1, 2 * s.heads, 1, s.headSize}},
		{Name: "turn_other", Type: onnx.Float, Dims: []int{1, 2 * s.heads, 1, s.headSize}},
		{Name: "mask", Type: onnx.Float, Dims: []int{-1, 1, 1, -1}},
	}
	b.Outputs = []onnx.Port{
		{Name: "next", Type: onnx.Int64, Dims: []int{-1, 1}},
		{Name: "chance", Type: onnx.Float, Dims: []int{-1, 1}},
		{Name: "attention", Type: onnx.Float, Dims: []int{-1, watched, 1, -1}},
	}
	past := []int{-1, s.heads, -1, s.headSize}
	for l := range s.layers {
		b.Inputs = append(b.Inputs, onnx.Port{Name: crossKey(l), Type: onnx.Float, Dims: []int{-1, s.heads, s.headSize, -1}},
			onnx.Port{Name: crossValue(l), Type: onnx.Float, Dims: past},
			onnx.Port{Name: pastKey(l), Type: onnx.Float, Dims: past}, onnx.Port{Name: pastValue(l), Type: onnx.Float, Dims: past})
		b.Outputs = append(b.Outputs, onnx.Port{Name: newKey(l), Type: onnx.Float, Dims: past}, onnx.Port{Name: newValue(l), Type: onnx.Float, Dims: past})
	}
}

// own is the attention of a layer to the tokens so far. Queries and keys are
// turned by their position: x·same + y·other, where y is x with the numbers of
// each pair changed, which comes out of the same product.
func (b *builder) own(l int, in string) string {
	s := b.source
	name := func(part string) string { return fmt.Sprintf("self_%s.%d", part, l) }
	q := b.matrix(s.next, layerName(l, "self_attn/q_proj"))
	k := b.matrix(s.next, layerName(l, "self_attn/k_proj"))
	v := b.matrix(s.next, layerName(l, "self_attn/v_proj"))
	all := b.project(name("all"), in, q, k, q.swapped(), k.swapped(), v)
	b.Nodes = append(b.Nodes, onnx.Node{Op: "Split", Outputs: []string{name("x"), name("y"), name("v")}, Attributes: map[string]any{"axis": 2},
		Inputs: []string{all, b.constant("parts", onnx.Longs([]int{2 * s.width, 2 * s.width, s.width}, 3))}})
	x := b.add("Mul", name("same"), nil, b.shaped(name("x"), name("x_heads"), 0, 2*s.heads, 1, s.headSize), "turn_same")
	y := b.add("Mul", name("other"), nil, b.shaped(name("y"), name("y_heads"), 0, 2*s.heads, 1, s.headSize), "turn_other")
	b.Nodes = append(b.Nodes, onnx.Node{Op: "Split", Outputs: []string{name("q"), name("k")}, Attributes: map[string]any{"axis": 1},
		Inputs: []string{b.add("Add", name("turned"), nil, x, y)}})
	keys := b.add("Concat", newKey(l), map[string]any{"axis": 2}, pastKey(l), name("k"))
	value := b.shaped(name("v"), name("v_heads"), 0, s.heads, 1, s.headSize)
	values := b.add("Concat", newValue(l), map[string]any{"axis": 2}, pastValue(l), value)
	scores := b.add("FusedMatMul", name("scores"), map[string]any{"transB": 1}, name("q"), keys)
	weights := b.add("Softmax", name("weights"), map[string]any{"axis": -1}, scores)
	heard := b.shaped(b.add("MatMul", name("heard"), nil, weights, values), name("flat"), 0, 1, s.width)
	return b.project(name("out"), heard, b.matrix(s.next, layerName(l, "self_attn/dense")))
}

// sound is the attention of a layer to the sound, and its weights.
func (b *builder) sound(l int, in string) (out, weights string) {
	s := b.source
	name := func(part string) string { return fmt.Sprintf("sound_%s.%d", part, l) }
	q := b.project(name("q"), in, b.matrix(s.next, layerName(l, "encoder_attn/q_proj")))
	scores := b.add("MatMul", name("scores"), nil, b.shaped(q, name("heads"), 0, s.heads, 1, s.headSize), crossKey(l))
	weights = b.add("Softmax", name("weights"), map[string]any{"axis": -1}, b.add("Add", name("masked"), nil, scores, "mask"))
	heard := b.shaped(b.add("MatMul", name("heard"), nil, weights, crossValue(l)), name("flat"), 0, 1, s.width)
	return b.project(name("out"), heard, b.matrix(s.next, layerName(l, "encoder_attn/dense"))), weights
}

// think is the rest of a layer: up·silu(gate), and down.
func (b *builder) think(l int, in string) string {
	name := func(part string) string { return fmt.Sprintf("think_%s.%d", part, l) }
	up := b.project(name("up"), in, b.matrix(b.source.next, layerName(l, "mlp/up_proj")))
	b.Nodes = append(b.Nodes, onnx.Node{Op: "Split", Inputs: []string{up}, Outputs: []string{name("value"), name("gate")}, Attributes: map[string]any{"axis": 2}})
	gate := b.add("QuickGelu", name("open"), map[string]any{"alpha": float32(1)}, name("gate"))
	both := b.add("Mul", name("both"), nil, gate, name("value"))
	return b.project(name("down"), both, b.matrix(b.source.next, layerName(l, "mlp/down_proj")))
}

// watch takes the watched heads of layer l out of its attention.
func (b *builder) watch(l int, weights string, watch []Head) []string {
	var heads []int
	for _, h := range watch {
		if h.Layer == l {
			heads = append(heads, h.Head)
		}
	}
	if len(heads) == 0 {
		return nil
	}
	name := fmt.Sprintf("watched.%d", l)
	return []string{b.add("Gather", name, map[string]any{"axis": 1}, weights, b.constant(name+".heads", onnx.Longs(heads, len(heads))))}
}
