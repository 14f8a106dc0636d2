package moonshine

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/internal/onnx"
)

// ErrLayout is the fault of a decoder that is not made as this package knows.
var ErrLayout = errors.New("a Moonshine decoder of an unknown layout")

// source is the merged decoder as its file has it: an If with one branch for
// the first token and one for those after.
type source struct {
	constants   map[string]onnx.Tensor
	first, next map[string]onnx.Node // by the name of their first output
	layers      int
	heads       int // of each layer
	headSize    int
	width       int // of a hidden state
}

// weight is a matrix of 8-bit numbers, [from, to]: (w - zero) * scale.
type weight struct {
	rows, columns int
	values        []byte
	zero          byte
	scale         float32
	bias          []float32 // nil where there is none
}

// readSource finds its way in a merged decoder.
func readSource(file []byte) (*source, error) {
	g, err := onnx.Parse(file)
	if err != nil {
		return nil, err
	}
	if len(g.Nodes) != 1 || g.Nodes[0].Op != "If" {
		return nil, ErrLayout
	}
	s := &source{constants: g.Constants}
	for name, branch := range map[string]*map[string]onnx.Node{"then_branch": &s.next, "else_branch": &s.first} {
		b := g.Nodes[0].Graphs[name]
		if b == nil {
			return nil, ErrLayout
		}
		*branch = make(map[string]onnx.Node, len(b.Nodes))
		for _, n := range b.Nodes {
			if len(n.Outputs) > 0 {
				(*branch)[n.Outputs[0]] = n
			}
		}
	}
	for s.next[layerName(s.layers, "input_layernorm/Mul_output_0")].Op != "" {
		s.layers++
	}
	return s, s.measure()
}

// layerName is the name of a value of a layer.
func layerName(layer int, rest string) string {
	return fmt.Sprintf("/model/decoder/layers.%d/%s", layer, rest)
}

// measure finds the shape of the attention: the heads are named by the
// constant to which the projection of the keys is reshaped.
func (s *source) measure() error {
	if s.layers == 0 {
		return ErrLayout
	}
	norm, err := s.constant(s.next, layerName(0, "input_layernorm/Mul_output_0"), 1)
	if err != nil {
		return err
	}
	s.width = norm.Dims[0]
	shape := s.next[layerName(0, "self_attn/Concat_output_0")]
	if shape.Op != "Concat" || len(shape.Inputs) != 4 {
		return ErrLayout
	}
	heads, size := s.constants[shape.Inputs[2]], s.constants[shape.Inputs[3]]
	if len(heads.Raw) != 8 || len(size.Raw) != 8 {
		return ErrLayout
	}
	s.heads, s.headSize = int(heads.Raw[0]), int(size.Raw[0])
	if s.heads == 0 || s.heads*s.headSize != s.width {
		return ErrLayout
	}
	return nil
}

// constant returns input i of the node that makes out.
func (s *source) constant(branch map[string]onnx.Node, out string, i int) (onnx.Tensor, error) {
	n := branch[out]
	if i >= len(n.Inputs) {
		return onnx.Tensor{}, fmt.Errorf("%w: %s", ErrLayout, out)
	}
	t, ok := s.constants[n.Inputs[i]]
	if !ok {
		return onnx.Tensor{}, fmt.Errorf("%w: %s is no constant", ErrLayout, n.Inputs[i])
	}
	return t, nil
}

// norm returns the weights of a layer's normalization.
func (s *source) norm(name string) ([]float32, error) {
	t, err := s.constant(s.next, name+"/Mul_output_0", 1)
	if err == nil && (t.Type != onnx.Float || len(t.Dims) != 1 || t.Dims[0] != s.width) {
		err = fmt.Errorf("%w: %s", ErrLayout, name)
	}
	return t.Floats(), err
}

// epsilon is what a normalization adds to the variance.
func (s *source) epsilon() (float32, error) {
	t, err := s.constant(s.next, "/model/decoder/norm/Add_output_0", 1)
	if err != nil || len(t.Raw) != 4 {
		return 0, errors.Join(ErrLayout, err)
	}
	return t.Floats()[0], nil
}

// matrix returns the weights of a projection of a layer.
func (s *source) matrix(branch map[string]onnx.Node, name string) (w weight, err error) {
	get := func(out string, i int) onnx.Tensor {
		t, e := s.constant(branch, out, i)
		err = errors.Join(err, e)
		return t
	}
	product := name + "/MatMul_output_0_output_quantized"
	values, zero := get(product, 1), get(product, 3)
	scale := get(name+"/MatMul_quant_scales_mul:0", 1)
	if err != nil {
		return weight{}, err
	}
	if values.Type != onnx.Uint8 || len(values.Dims) != 2 || len(zero.Raw) != 1 || scale.Type != onnx.Float || len(scale.Raw) != 4 {
		return weight{}, fmt.Errorf("%w: %s", ErrLayout, name)
	}
	w = weight{rows: values.Dims[0], columns: values.Dims[1], values: values.Raw, zero: zero.Raw[0], scale: scale.Floats()[0]}
	if n, ok := branch[name+"/Add_output_0"]; ok && n.Op == "Add" && strings.HasSuffix(n.Inputs[0], "bias_merged_0") {
		w.bias = s.constants[n.Inputs[0]].Floats()
		if len(w.bias) != w.columns {
			return weight{}, fmt.Errorf("%w: %s", ErrLayout, name)
		}
	}
	return w, nil
}

// embedding returns the vectors of the tokens: [tokens, width].
func (s *source) embedding() (weight, error) {
	out := "/model/decoder/embed_tokens/Gather_output_0"
	values, err := s.constant(s.next, out+"_quantized", 0)
	scale, err1 := s.constant(s.next, out, 1)
	zero, err2 := s.constant(s.next, out, 2)
	if err := errors.Join(err, err1, err2); err != nil {
		return weight{}, err
	}
	if values.Type != onnx.Uint8 || len(values.Dims) != 2 || values.Dims[1] != s.width || len(scale.Raw) != 4 || len(zero.Raw) != 1 {
		return weight{}, ErrLayout
	}
	return weight{rows: values.Dims[0], columns: values.Dims[1], values: values.Raw, zero: zero.Raw[0], scale: scale.Floats()[0]}, nil
}

// frequencies are those by which the heads are turned with the position.
func (s *source) frequencies() ([]float32, error) {
	t, err := s.constant(s.next, "/model/decoder/rotary_emb/MatMul_output_0", 0)
	if err == nil && (t.Type != onnx.Float || 2*len(t.Raw)/4 > s.headSize) {
		err = ErrLayout
	}
	return t.Floats(), err
}

// transposed is w with rows and columns changed.
func (w weight) transposed() weight {
	out := slices.Clone(w.values)
	for r := range w.rows {
		for c := range w.columns {
			out[c*w.rows+r] = w.values[r*w.columns+c]
		}
	}
	return weight{rows: w.columns, columns: w.rows, values: out, zero: w.zero, scale: w.scale}
}

// swapped is w with the columns of each pair changed.
func (w weight) swapped() weight {
	out := slices.Clone(w.values)
	for i := 0; i+1 < len(out); i += 2 {
		out[i], out[i+1] = out[i+1], out[i]
	}
	return weight{rows: w.rows, columns: w.columns, values: out, zero: w.zero, scale: w.scale}
}
