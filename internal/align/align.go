// Package align finds out when each token of a text is said, from the weights
// with which a recognizer looked at the sound while it wrote the token. It
// hides the search: dynamic time warping over tokens and frames.
package align

// Span is where a token is, in frames: from Start up to End, which is not
// part of it.
type Span struct{ Start, End int }

// moves of the best way through tokens and frames.
const (
	both  = iota // the next token at the next frame
	frame        // the same token goes on
	token        // the next token within the same frame
)

// Spans places tokens. weights has a row for each, of one weight for each
// frame. Spans follow each other: none begins before the one in front of it.
// They cover the frames from the first to the last.
func Spans(weights [][]float32) []Span {
	n := len(weights)
	if n == 0 || len(weights[0]) == 0 {
		return make([]Span, n)
	}
	m := len(weights[0])
	moves := make([]uint8, n*m)
	before, now := make([]float32, m), make([]float32, m)
	for i, row := range weights {
		for j, w := range row {
			best, move := float32(0), uint8(both)
			switch {
			case i == 0 && j == 0:
			case i == 0:
				best, move = now[j-1], frame
			case j == 0:
				best, move = before[j], token
			default:
				best = before[j-1]
				if now[j-1] > best {
					best, move = now[j-1], frame
				}
				if before[j] > best {
					best, move = before[j], token
				}
			}
			now[j] = best + w
			moves[i*m+j] = move
		}
		before, now = now, before
	}
	return walk(moves, n, m)
}

// walk goes the best way back from the last token at the last frame.
func walk(moves []uint8, n, m int) []Span {
	spans := make([]Span, n)
	i, j := n-1, m-1
	spans[i].End = m
	for i > 0 || j > 0 {
		switch moves[i*m+j] {
		case frame:
			j--
			continue
		case token:
			spans[i].Start = j
			i--
			spans[i].End = j + 1
		default:
			spans[i].Start = j
			i, j = i-1, j-1
			spans[i].End = j + 1
		}
	}
	return spans
}
