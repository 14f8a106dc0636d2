package spoken

import "strings"

// Money is a sum in a currency.
type Money struct {
	Amount   Number
	Currency string // ISO 4217
	Symbol   string // "$", "€", "£"; "" where people write the name
}

type currency struct {
	code, symbol string
	minor        bool // hundredths: cents, pence
}

var currencies = map[string]currency{
	"dollar": {"USD", "$", false}, "dollars": {"USD", "$", false}, "bucks": {"USD", "", false},
	"euro": {"EUR", "€", false}, "euros": {"EUR", "€", false},
	"pound": {"GBP", "", false}, "pounds": {"GBP", "", false}, "quid": {"GBP", "", false},
	"rupees": {"INR", "", false}, "yen": {"JPY", "", false},
	"usd": {"USD", "", false}, "eur": {"EUR", "", false}, "gbp": {"GBP", "", false},
	"cent": {"USD", "", true}, "cents": {"USD", "", true}, "pence": {"GBP", "", true},
}

var symbols = []struct {
	sign, code string
}{{"$", "USD"}, {"€", "EUR"}, {"£", "GBP"}}

// shortScales are written behind the digits: "$3.5m".
var shortScales = map[byte]string{'k': "thousand", 'm': "million", 'b': "billion"}

// ParseMoney reads a sum of money: "twelve hundred dollars", "five dollars
// and fifty cents", "a dollar fifty", "fifty cents", "25 euros", "$1,200.50",
// "$2 million", "$3.5m", "usd 40".
func ParseMoney(words []string) (Money, int) {
	w := word(words, 0)
	for _, s := range symbols {
		if digits, ok := strings.CutPrefix(w, s.sign); ok {
			return signed(digits, words, s.sign, s.code)
		}
	}
	if c := currencies[w]; c.code != "" && strings.EqualFold(c.code, w) {
		num, n := Cardinal(words[1:])
		if n == 0 {
			return Money{}, 0
		}
		return Money{Amount: num, Currency: c.code}, n + 1
	}
	if m, n := dollarFifty(words); n > 0 {
		return m, n
	}
	num, n := Cardinal(words)
	if n == 0 {
		return Money{}, 0
	}
	c, ok := currencies[word(words, n)]
	if !ok || (c.code == "GBP" && word(words, n+1) == "of") {
		return Money{}, 0
	}
	n++
	if c.minor {
		if num.Frac != "" || num.Int >= 100 {
			return Money{}, 0
		}
		return Money{Amount: hundredths(0, num.Int), Currency: c.code}, n
	}
	m := Money{Amount: num, Currency: c.code, Symbol: c.symbol}
	return withCents(m, words, n)
}

// signed reads digits that a sign of currency stands before.
func signed(digits string, words []string, sign, code string) (Money, int) {
	scale := ""
	if n := len(digits); n > 1 {
		scale = shortScales[digits[n-1]]
	}
	if scale != "" {
		digits = digits[:len(digits)-1]
	}
	num, ok := ParseWritten(digits)
	if !ok {
		return Money{}, 0
	}
	if scale != "" {
		num, _ = scaled(num, []string{scale}, 0)
		return Money{Amount: num, Currency: code, Symbol: sign}, 1
	}
	num, n := scaled(num, words, 1)
	return Money{Amount: num, Currency: code, Symbol: sign}, n
}

// dollarFifty reads "a dollar fifty".
func dollarFifty(words []string) (Money, int) {
	c := currencies[word(words, 1)]
	if word(words, 0) != "a" || c.code == "" || c.minor || len(words) < 3 {
		return Money{}, 0
	}
	v, n := Below100(words[2:])
	if n == 0 || v < 10 || IsCounted(word(words, 2+n)) || IsNumberWord(word(words, 2+n)) {
		return Money{}, 0
	}
	return Money{Amount: hundredths(1, v), Currency: c.code, Symbol: c.symbol}, 2 + n
}

// withCents reads "and fifty cents", "fifty cents" or "and fifty" behind n
// words that make m.
func withCents(m Money, words []string, n int) (Money, int) {
	if m.Amount.Frac != "" {
		return m, n
	}
	k := n
	if word(words, k) == "and" {
		k++
	}
	var v int64
	var used int
	if w := word(words, k); len(w) == 2 && allDigits(w) {
		v, used = int64(w[0]-'0')*10+int64(w[1]-'0'), 1
	} else {
		v, used = Below100(words[min(k, len(words)):])
	}
	if used == 0 || v == 0 || v > 99 || !currencies[word(words, k+used)].minor {
		return m, n
	}
	m.Amount = hundredths(m.Amount.Int, v)
	return m, k + used + 1
}

func hundredths(whole, v int64) Number {
	return Number{Int: whole, Frac: string([]byte{byte('0' + v/10), byte('0' + v%10)})}
}

// Percent reads a percentage: "five point five percent", "half a percent",
// "5.5%", "20 per cent".
func Percent(words []string) (Number, int) {
	if d, ok := strings.CutSuffix(word(words, 0), "%"); ok {
		num, ok := ParseWritten(d)
		if !ok {
			return Number{}, 0
		}
		return num, 1
	}
	if word(words, 0) == "half" && word(words, 1) == "a" && word(words, 2) == "percent" {
		return Number{Frac: "5"}, 3
	}
	num, n := Cardinal(words)
	switch {
	case n == 0:
		return Number{}, 0
	case word(words, n) == "percent" || word(words, n) == "%":
		return num, n + 1
	case word(words, n) == "per" && word(words, n+1) == "cent":
		return num, n + 2
	}
	return Number{}, 0
}
