package modelstest

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/voxparse/voxparse/internal/models"
)

// Whistle is the tone by which the model of Voices knows one voice from another:
// its frequency in Hz, and its amplitude of 1.
const (
	WhistleHz        = 7000
	WhistleAmplitude = 0.05
)

// Voices writes a model into dir that tells voices apart and returns role →
// path of its files. It has the form of the real ones and a few operators: it
// takes sound with the whistle in it for one voice, sound without for another,
// and what is below -35 dBFS for silence.
func Voices(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	files := map[string]string{
		models.RoleSegmentation: filepath.Join(dir, "segmentation.onnx"),
		models.RoleEmbedding:    filepath.Join(dir, "embedding.onnx"),
	}
	for role, content := range map[string][]byte{models.RoleSegmentation: segmentation(), models.RoleEmbedding: embedding()} {
		if err := os.WriteFile(files[role], content, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return files
}

// segmentation looks at 10 s. Over each second, every 17 ms, it weighs the
// power of the sound and that of the whistle. Its classes are silence, three
// voices, and three pairs of them.
func segmentation() []byte {
	const second, taps = 16000, 65
	filter := make([]float32, taps)
	for i := range filter {
		hann := (1 - math.Cos(2*math.Pi*float64(i+1)/(taps+1))) * 2 / (taps + 1)
		filter[i] = float32(hann * math.Cos(2*math.Pi*WhistleHz/second*float64(i-taps/2)))
	}
	weights, bias := make([]float32, 7*2), make([]float32, 7)
	weights[2] = 1000              // a voice: the power
	weights[5], bias[2] = 1e5, -20 // the other: that of the whistle
	bias[0] = 0.3                  // silence
	for i := 3; i < 7; i++ {
		bias[i] = -1e6
	}
	g := graph{
		inputs:    []message{value("x", "N", 1, 10*second)},
		outputs:   []message{value("y", "N", "F", 7)},
		constants: []message{constant("filter", []int{1, 1, taps}, filter...), constant("w", []int{7, 2, 1}, weights...), constant("b", []int{7}, bias...)},
		nodes: []message{
			node("Conv", "whistle", []string{"x", "filter"}, map[string]any{"kernel_shape": []int{taps}, "pads": []int{taps / 2, taps / 2}}),
			node("Mul", "all2", []string{"x", "x"}, nil),
			node("Mul", "whistle2", []string{"whistle", "whistle"}, nil),
			node("Concat", "both", []string{"all2", "whistle2"}, map[string]any{"axis": 1}),
			node("AveragePool", "power", []string{"both"}, map[string]any{
				"kernel_shape": []int{second + 1}, "strides": []int{270}, "pads": []int{second / 2, second / 2}, "count_include_pad": 1}),
			node("Conv", "classes", []string{"power", "w", "b"}, map[string]any{"kernel_shape": []int{1}}),
			node("Transpose", "y", []string{"classes"}, map[string]any{"perm": []int{0, 2, 1}}),
		},
	}
	return g.model(map[string]string{"model_type": "pyannote-segmentation-3.0", "version": "1", "sample_rate": "16000", "window_size": "160000",
		"receptive_field_size": "991", "receptive_field_shift": "270", "num_speakers": "3", "powerset_max_classes": "2", "num_classes": "7"})
}

// embedding compares the highest of the 80 bands with all of them.
func embedding() []byte {
	const bands, high = 80, 8
	weights := make([]float32, 2*bands)
	for i := range bands {
		weights[2*i] = -1.0 / bands
		if i >= bands-high {
			weights[2*i] += 1.0 / high
		}
	}
	g := graph{
		inputs:    []message{value("x", "N", "T", bands)},
		outputs:   []message{value("y", "N", 2)},
		constants: []message{constant("w", []int{bands, 2}, weights...), constant("b", []int{2}, 1, 1)},
		nodes: []message{
			node("ReduceMean", "spectrum", []string{"x"}, map[string]any{"axes": []int{1}, "keepdims": 0}),
			node("MatMul", "height", []string{"spectrum", "w"}, nil),
			node("Add", "y", []string{"height", "b"}, nil),
		},
	}
	return g.model(map[string]string{"framework": "wespeaker", "language": "English", "url": "", "comment": "", "sample_rate": "16000",
		"output_dim": "2", "normalize_samples": "1"})
}
