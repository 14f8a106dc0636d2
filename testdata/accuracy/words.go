package main

import (
	"math"
	"strings"
	"unicode"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/wer"
)

// spelled are words that are written in several ways.
var spelled = map[string]string{
	"0": "zero", "1": "one", "2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven", "8": "eight", "9": "nine", "10": "ten",
	"mr": "mister",
}

// plain are the words of s without case and punctuation.
func plain(s string) []string {
	s = strings.ReplaceAll(strings.ToLower(s), "'", "")
	words := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, w := range words {
		if v, ok := spelled[w]; ok {
			words[i] = v
		}
	}
	return words
}

// add counts what was heard of c.
func (t *tally) add(c clip, text string, res *api.Result, clean bool) {
	want := plain(c.text)
	errors, _ := wer.Compare(want, plain(text))
	t.words += len(want)
	t.errors += errors
	if res == nil || len(res.Words) == 0 {
		return
	}
	var got []string
	var of []api.Word
	for _, w := range res.Words {
		for _, p := range plain(w.Text) {
			got, of = append(got, p), append(of, w)
		}
	}
	_, right := wer.Compare(want, got)
	for i, w := range of {
		if w.Confidence != nil {
			t.calibration = append(t.calibration, guess{*w.Confidence, right[i]})
		}
		if !clean || !right[i] {
			continue
		}
		best := math.Inf(1)
		for _, s := range c.starts {
			if s.word == got[i] {
				best = min(best, math.Abs(s.at-w.Start))
			}
		}
		if !math.IsInf(best, 1) {
			t.off = append(t.off, best)
		}
	}
}
