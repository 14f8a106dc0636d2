package main

// reliability is how often a word is right whose least sure token has a
// certain chance, on labeled speech, clean and degraded. Between its rows it
// goes in straight lines. It never falls.
var reliability = [][2]float64{
	{0, 0.05}, {0.15, 0.18}, {0.25, 0.3}, {0.36, 0.44}, {0.45, 0.54}, {0.55, 0.62}, {0.65, 0.71},
	{0.75, 0.82}, {0.85, 0.88}, {0.94, 0.95}, {0.99, 0.98}, {1, 0.99},
}

// calibrated is how often a word is right to whose least sure token the model
// gives this chance.
func calibrated(chance float64) float64 {
	for i := 1; i < len(reliability); i++ {
		a, b := reliability[i-1], reliability[i]
		if chance <= b[0] {
			return a[1] + (b[1]-a[1])*(max(chance, a[0])-a[0])/(b[0]-a[0])
		}
	}
	return reliability[len(reliability)-1][1]
}
