// Package wer counts word errors: how far what a recognizer wrote is from what
// was said. It compares words as they are: whoever calls it takes case and
// punctuation away first.
package wer

// Errors is how many words must be changed, added or taken away to make got of
// want.
func Errors(want, got []string) int {
	n, _ := Compare(want, got)
	return n
}

// Compare counts the words that must be changed, added or taken away to make
// got of want, and says which of got are right: the
// Levenshtein distance over words.
func Compare(want, got []string) (errors int, right []bool) {
	cost := make([][]int, len(want)+1)
	for i := range cost {
		cost[i] = make([]int, len(got)+1)
		cost[i][0] = i
	}
	for j := range got {
		cost[0][j+1] = j + 1
	}
	change := func(i, j int) int {
		if want[i-1] == got[j-1] {
			return cost[i-1][j-1]
		}
		return cost[i-1][j-1] + 1
	}
	for i := 1; i <= len(want); i++ {
		for j := 1; j <= len(got); j++ {
			cost[i][j] = min(change(i, j), cost[i-1][j]+1, cost[i][j-1]+1)
		}
	}
	right = make([]bool, len(got))
	for i, j := len(want), len(got); j > 0; {
		switch {
		case i > 0 && cost[i][j] == change(i, j):
			right[j-1] = want[i-1] == got[j-1]
			i, j = i-1, j-1
		case i > 0 && cost[i][j] == cost[i-1][j]+1:
			i--
		default:
			j--
		}
	}
	return cost[len(want)][len(got)], right
}
