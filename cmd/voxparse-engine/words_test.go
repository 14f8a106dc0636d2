package main

import (
	"slices"
	"testing"

	"github.com/voxparse/voxparse/api"
)

func TestTokensAreLaidAlongTheText(t *testing.T) {
	for _, c := range []struct {
		name, text string
		tokens     []string
		want       []string
	}{
		{"marks before words", "hello wide world", []string{"\u2581hello", "\u2581wi", "de", "\u2581world"}, []string{"hello", "wide", "world"}},
		{"spaces before words", "Hello, world.", []string{" Hel", "lo", ",", " world", "."}, []string{"Hello,", "world."}},
		{"marks where a word goes on", "hello world", []string{"hel@@", "lo", "world"}, []string{"hello", "world"}},
		{"a mark alone", "a b", []string{"\u2581", "a", "\u2581", "b"}, []string{"a", "b"}},
		{"parts of a character", "né à", []string{" n", "\xc3", "\xa9", " \xc3", "\xa0"}, []string{"né", "à"}},
		{"a script without spaces", "你好 world", []string{"你", "好", "\u2581world"}, []string{"你", "好", "world"}},
		{"tokens that are not the text", "seven", []string{"\u25817"}, nil},
		{"more text than tokens", "seven eight", []string{"\u2581seven"}, nil},
		{"more tokens than text", "seven", []string{"\u2581seven", "\u2581eight"}, nil},
		{"nothing", "", nil, nil},
	} {
		starts := make([]float32, len(c.tokens))
		for i := range starts {
			starts[i] = float32(i)
		}
		var got []string
		for _, w := range wordsOf(c.text, tokenTimes(c.tokens, starts, nil, 10)) {
			got = append(got, w.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAWordEndsWithItsLastToken(t *testing.T) {
	tokens, starts := []string{"\u2581he", "llo", "\u2581you"}, []float32{1, 1.2, 3}
	for _, c := range []struct {
		name      string
		durations []float32
		want      []api.Word
	}{
		{"durations are given", []float32{0.25, 0.5, 0.75}, []api.Word{{Start: 1, End: 1.7, Text: "hello"}, {Start: 3, End: 3.75, Text: "you"}}},
		{"there is a pause after it", nil, []api.Word{{Start: 1, End: 1.7, Text: "hello"}, {Start: 3, End: 3.2, Text: "you"}}},
	} {
		got := wordsOf("hello you", tokenTimes(tokens, starts, c.durations, 3.2))
		for i := range got {
			got[i].Start, got[i].End = round(got[i].Start), round(got[i].End)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func FuzzWordsOf(f *testing.F) {
	f.Add("hello world", "\u2581hel", "lo", "\u2581world")
	f.Add("你好", "你", "\xe5\xa5", "\xbd")
	f.Fuzz(func(t *testing.T, text, a, b, c string) {
		for _, w := range wordsOf(text, tokenTimes([]string{a, b, c}, []float32{0, 1, 2}, nil, 3)) {
			if w.Text == "" || w.End < w.Start {
				t.Errorf("got word %+v", w)
			}
		}
	})
}
