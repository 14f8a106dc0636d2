package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
)

// conditions are the ways in which recordings are degraded, in the order in
// which they are printed. None changes their length but speed.
var conditions = []struct {
	name string
	do   func([]float64) []float64 // nil: ffmpeg does it, by args
	args []string
}{
	{"clean", func(x []float64) []float64 { return x }, nil},
	{"-30dB", func(x []float64) []float64 { return scaled(x, 0.0316) }, nil},
	{"mulaw", mulaw, nil},
	{"mp3", nil, []string{"-b:a", "16k", "-f", "mp3"}},
	{"noise10", func(x []float64) []float64 { return noisy(x, 10) }, nil},
	{"reverb", reverberant, nil},
	{"clipping", clipped, nil},
	{"speed1.2", nil, []string{"-af", "atempo=1.2", "-f", "wav"}},
}

func conditionNames() (names []string) {
	for _, c := range conditions {
		names = append(names, c.name)
	}
	return names
}

// degrade writes c in a condition and returns the file.
func degrade(name string, c clip, dir string) (string, error) {
	for _, k := range conditions {
		if k.name != name {
			continue
		}
		wav := filepath.Join(dir, c.id+".wav")
		x := c.samples
		if k.do != nil {
			x = k.do(x)
		}
		if err := writeWAV(wav, x); err != nil || k.do != nil {
			return wav, err
		}
		out := filepath.Join(dir, c.id+"."+k.args[len(k.args)-1]+"."+k.args[len(k.args)-1])
		args := append(append([]string{"-nostdin", "-v", "error", "-y", "-i", wav}, k.args...), out)
		if b, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("ffmpeg: %w: %s", err, b)
		}
		return out, os.Remove(wav)
	}
	return "", fmt.Errorf("unknown condition %q", name)
}

// writeWAV writes 16-bit samples.
func writeWAV(path string, x []float64) error {
	b := []byte("RIFF....WAVEfmt ")
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint32(b, 1|1<<16)
	b = binary.LittleEndian.AppendUint32(b, sampleRate)
	b = binary.LittleEndian.AppendUint32(b, 2*sampleRate)
	b = binary.LittleEndian.AppendUint32(b, 2|16<<16)
	b = binary.LittleEndian.AppendUint32(append(b, "data"...), uint32(2*len(x)))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(math.Round(max(-1, min(1, v))*32767))))
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return os.WriteFile(path, b, 0o600)
}

func scaled(x []float64, by float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v * by
	}
	return out
}

// power is the root of the mean square.
func power(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum/float64(len(x))) + 1e-12
}

// mulaw is what a telephone makes of x: 300 to 3,400 Hz, 8 bits.
func mulaw(x []float64) []float64 {
	out := band(x, 300, 3400)
	for i, v := range out {
		c := math.Round(127*math.Log1p(255*min(1, math.Abs(v)))/math.Log(256)) / 127
		out[i] = math.Copysign((math.Pow(256, c)-1)/255, v)
	}
	return out
}

// band lets through what is between two frequencies, in Hz: twice each a
// filter of the second order.
func band(x []float64, low, high float64) []float64 {
	out := x
	for range 2 {
		out = biquad(biquad(out, low, true), high, false)
	}
	return out
}

// biquad is a Butterworth filter of the second order.
func biquad(x []float64, cutoff float64, highPass bool) []float64 {
	w := 2 * math.Pi * cutoff / sampleRate
	alpha, cos := math.Sin(w)/math.Sqrt2, math.Cos(w)
	b0, b1 := (1-cos)/2, 1-cos
	if highPass {
		b0, b1 = (1+cos)/2, -1-cos
	}
	out := make([]float64, len(x))
	var x1, x2, y1, y2 float64
	for i, v := range x {
		y := (b0*v + b1*x1 + b0*x2 + 2*cos*y1 - (1-alpha)*y2) / (1 + alpha)
		x1, x2, y1, y2 = v, x1, y, y1
		out[i] = y
	}
	return out
}

// noisy adds pink noise that is so many dB below x.
func noisy(x []float64, db float64) []float64 {
	r := rand.New(rand.NewPCG(1, uint64(len(x))))
	noise := make([]float64, len(x))
	var rows [16]float64
	sum := 0.0
	for i := range noise { // rows that change half as often, one after the other
		k := 0
		for n := i + 1; n&1 == 0 && k < len(rows)-1; n >>= 1 {
			k++
		}
		v := r.NormFloat64()
		sum += v - rows[k]
		rows[k] = v
		noise[i] = sum
	}
	by := power(x) / power(noise) * math.Pow(10, -db/20)
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v + by*noise[i]
	}
	return out
}

// reverberant is x in a room that sounds on for half a second.
func reverberant(x []float64) []float64 {
	r := rand.New(rand.NewPCG(2, 2))
	type echo struct {
		late int
		gain float64
	}
	echoes := []echo{{0, 1}}
	for range 400 {
		late := r.IntN(sampleRate / 2)
		echoes = append(echoes, echo{late, 0.12 * r.NormFloat64() * math.Exp(-6.9*float64(late)/(sampleRate/2))})
	}
	out := make([]float64, len(x))
	for _, e := range echoes {
		for i := e.late; i < len(x); i++ {
			out[i] += e.gain * x[i-e.late]
		}
	}
	return scaled(out, power(x)/power(out))
}

// clipped is x 15 dB too loud.
func clipped(x []float64) []float64 {
	loudest := 0.0
	for _, v := range x {
		loudest = max(loudest, math.Abs(v))
	}
	return scaled(x, 5.6/(loudest+1e-12)) // writeWAV cuts it
}
