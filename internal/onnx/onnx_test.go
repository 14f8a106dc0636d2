package onnx_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/voxparse/voxparse/internal/onnx"
)

// small is a graph with every kind of attribute and constant.
func small() *onnx.Graph {
	return &onnx.Graph{
		Nodes: []onnx.Node{
			{Op: "Gather", Inputs: []string{"table", "id"}, Outputs: []string{"rows"}, Attributes: map[string]any{"axis": 1}},
			{Op: "QuickGelu", Domain: "com.microsoft", Inputs: []string{"rows", ""}, Outputs: []string{"out", "", "more"},
				Attributes: map[string]any{"alpha": float32(1.5), "axes": []int{-1, 2}}},
		},
		Constants: map[string]onnx.Tensor{
			"table": onnx.Floats([]float32{1, -2.5, 3, 4}, 2, 2),
			"shape": onnx.Longs([]int{-1, 300}, 2),
			"bytes": onnx.Bytes([]byte{0, 255}, 2),
		},
		Inputs:  []onnx.Port{{Name: "id", Type: onnx.Int64, Dims: []int{-1, 1}}},
		Outputs: []onnx.Port{{Name: "out", Type: onnx.Float, Dims: []int{-1, 2}}},
	}
}

func TestParse_readsWhatEncodeWrites(t *testing.T) {
	want := small()
	got, err := onnx.Parse(want.Encode("small", map[string]int{"": 17}))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Nodes) != len(want.Nodes) {
		t.Fatalf("got %d nodes, want %d", len(got.Nodes), len(want.Nodes))
	}
	for i, w := range want.Nodes {
		g := got.Nodes[i]
		if g.Op != w.Op || !slices.Equal(g.Inputs, w.Inputs) || !slices.Equal(g.Outputs, w.Outputs) {
			t.Errorf("got node %v, want %v", g, w)
		}
	}
	for name, w := range want.Constants {
		g := got.Constants[name]
		if g.Type != w.Type || !slices.Equal(g.Dims, w.Dims) || !bytes.Equal(g.Raw, w.Raw) {
			t.Errorf("%s: got %v, want %v", name, g, w)
		}
	}
	if f := got.Constants["table"].Floats(); !slices.Equal(f, []float32{1, -2.5, 3, 4}) {
		t.Errorf("got floats %v, want those that went in", f)
	}
}

func TestEncode_sameBytesEachTime(t *testing.T) {
	opsets := map[string]int{"": 17, "com.microsoft": 1}
	first := small().Encode("small", opsets)
	for range 20 {
		if !bytes.Equal(small().Encode("small", opsets), first) {
			t.Fatal("got other bytes for the same graph, want the same")
		}
	}
}

func TestParse_refusesWhatIsNoModel(t *testing.T) {
	whole := small().Encode("small", nil)
	tests := map[string][]byte{
		"nothing": nil,
		"text":    []byte("this is no model"),
		"cut":     whole[:len(whole)/2],
	}
	for name, b := range tests {
		if g, err := onnx.Parse(b); err == nil {
			t.Errorf("%s: got %v, want an error", name, g)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small().Encode("small", map[string]int{"": 17}))
	f.Add([]byte("\x3a\x04\x2a\x02\x08\x7f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := onnx.Parse(b)
		if err == nil && g == nil {
			t.Error("got neither a graph nor an error")
		}
	})
}
