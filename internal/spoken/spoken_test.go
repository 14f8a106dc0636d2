package spoken_test

import (
	"strings"
	"testing"

	"github.com/voxparse/voxparse/internal/spoken"
)

func TestCardinal_readsWhatPeopleSay(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string
		n    int
	}{
		{"twelve", "12", 1},
		{"forty two of them", "42", 2},
		{"forty-two", "42", 1},
		{"twelve hundred dollars", "1200", 2},
		{"two hundred and five", "205", 4},
		{"two hundred and three hundred", "200", 2},
		{"two hundred and three thousand", "203000", 5},
		{"one thousand two hundred and thirty four", "1234", 7},
		{"one thousand two thousand", "1000", 2},
		{"a thousand and two hundred", "1000", 2},
		{"a hundred", "100", 2},
		{"half a million", "500000", 3},
		{"half a dozen", "", 0},
		{"a hundred thousand", "100000", 3},
		{"a million and five", "1000005", 4},
		{"a dog", "", 0},
		{"one point two million", "1200000", 4},
		{"one point two five", "1.25", 4},
		{"three point", "3", 1},
		{"two and a half million", "2500000", 5},
		{"twenty twenty six", "20", 1},
		{"1,200", "1200", 1},
		{"1,20", "", 0},
		{"3.5 million", "3500000", 2},
		{"zero", "0", 1},
		{"zero hundred", "0", 1},
		{"two hundred and", "200", 2},
		{"five trillion six billion seven million eight thousand nine", "5006007008009", 9},
		{"", "", 0},
	} {
		num, n := spoken.Cardinal(strings.Fields(c.in))
		got := ""
		if n > 0 {
			got = num.String()
		}
		if got != c.want || n != c.n {
			t.Errorf("Cardinal(%q): got %q in %d words, want %q in %d", c.in, got, n, c.want, c.n)
		}
	}
}

func TestGrouped_putsCommasBetweenThousands(t *testing.T) {
	for _, c := range []struct {
		in   spoken.Number
		want string
	}{{spoken.Number{}, "0"}, {spoken.Number{Int: 999}, "999"}, {spoken.Number{Int: 1000, Frac: "5"}, "1,000.5"}, {spoken.Number{Int: 1234567}, "1,234,567"}} {
		if got := c.in.Grouped(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestYearAndOrdinal(t *testing.T) {
	for _, c := range []struct {
		in      string
		want, n int
	}{
		{"twenty twenty six", 2026, 3}, {"nineteen ninety nine", 1999, 3}, {"nineteen oh five", 1905, 3},
		{"two thousand and six", 2006, 4}, {"two thousand", 2000, 2}, {"nineteen hundred", 1900, 2},
		{"2026", 2026, 1}, {"4111", 0, 0}, {"twenty five", 0, 0}, {"twenty", 0, 0}, {"twenty twenty hundred", 0, 0},
	} {
		if got, n := spoken.Year(strings.Fields(c.in)); got != c.want || n != c.n {
			t.Errorf("Year(%q): got %d in %d words, want %d in %d", c.in, got, n, c.want, c.n)
		}
	}
	for _, c := range []struct {
		in      string
		want, n int
	}{{"third", 3, 1}, {"twenty first", 21, 2}, {"twenty-first", 21, 1}, {"21st", 21, 1}, {"th", 0, 0}, {"twenty twelfth", 0, 0}} {
		if got, n := spoken.Ordinal(strings.Fields(c.in)); got != c.want || n != c.n {
			t.Errorf("Ordinal(%q): got %d in %d words, want %d in %d", c.in, got, n, c.want, c.n)
		}
	}
}

func TestParseDate(t *testing.T) {
	for _, c := range []struct {
		prev, in, want string
		n              int
	}{
		{"", "march third twenty twenty six", "2026-03-03", 5},
		{"on", "march third", "--03-03", 2},
		{"we", "march first", "", 0},
		{"you", "may second guess", "", 0},
		{"by", "may second", "--05-02", 2},
		{"you", "may 2", "--05-02", 2},
		{"", "april the fifth", "--04-05", 3},
		{"", "the third of march twenty twenty six", "2026-03-03", 7},
		{"", "third of march", "--03-03", 3},
		{"", "march twenty twenty six", "2026-03", 4},
		{"", "june fourteen", "--06-14", 2},
		{"", "june twenty five hundred", "", 0},
		{"", "february thirtieth", "", 0},
		{"", "february 29", "--02-29", 2},
		{"", "2026-03-03", "2026-03-03", 1},
		{"", "3/14/2026", "2026-03-14", 1},
		{"", "13/14/2026", "", 0},
		{"", "june", "", 0},
		{"", "the", "", 0},
	} {
		d, n := spoken.ParseDate(c.prev, strings.Fields(c.in))
		got := ""
		if n > 0 {
			got = d.ISO()
		}
		if got != c.want || c.n != n {
			t.Errorf("ParseDate(%q, %q): got %q in %d words, want %q in %d", c.prev, c.in, got, n, c.want, c.n)
		}
	}
}

func TestParseMoneyAndPercent(t *testing.T) {
	for _, c := range []struct {
		in, want string
		n        int
	}{
		{"twelve hundred dollars", "1200 USD", 3}, {"five dollars and fifty cents", "5.50 USD", 5},
		{"five dollars and five people", "5 USD", 2}, {"fifty cents", "0.50 USD", 2}, {"25 euros", "25 EUR", 2},
		{"$1,200.50", "1200.50 USD", 1}, {"$2 million", "2000000 USD", 2}, {"$", "", 0}, {"five pounds of flour", "", 0},
		{"five pounds", "5 GBP", 2}, {"five people", "", 0}, {"one point two million dollars", "1200000 USD", 5},
		{"$3.5m", "3500000 USD", 1}, {"€10k today", "10000 EUR", 1}, {"$m", "", 0}, {"usd 1,200.50", "1200.50 USD", 2}, {"usd", "", 0},
		{"a dollar fifty", "1.50 USD", 3}, {"a dollar fifty days", "", 0}, {"a dollar five", "", 0}, {"a dollar", "", 0},
	} {
		m, n := spoken.ParseMoney(strings.Fields(c.in))
		got := ""
		if n > 0 {
			got = m.Amount.String() + " " + m.Currency
		}
		if got != c.want || n != c.n {
			t.Errorf("ParseMoney(%q): got %q in %d words, want %q in %d", c.in, got, n, c.want, c.n)
		}
	}
	for _, c := range []struct {
		in, want string
		n        int
	}{
		{"five point five percent", "5.5", 4}, {"20 per cent", "20", 3}, {"5.5%", "5.5", 1}, {"%", "", 0},
		{"half a percent", "0.5", 3}, {"five people", "", 0},
	} {
		num, n := spoken.Percent(strings.Fields(c.in))
		got := ""
		if n > 0 {
			got = num.String()
		}
		if got != c.want || n != c.n {
			t.Errorf("Percent(%q): got %q in %d words, want %q in %d", c.in, got, n, c.want, c.n)
		}
	}
}

func FuzzReaders(f *testing.F) {
	for _, s := range []string{"one point two million dollars", "the third of march twenty twenty six", "two and a half percent", "$1,200.50", "may 3", "nineteen oh five", "999999999999999 trillion"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words := strings.Fields(strings.ToLower(s))
		check := func(name string, n int) {
			if n < 0 || n > len(words) {
				t.Errorf("%s(%q): got %d words, want 0 to %d", name, s, n, len(words))
			}
		}
		num, n := spoken.Cardinal(words)
		check("Cardinal", n)
		if num.Int < 0 || num.Float() < 0 {
			t.Errorf("Cardinal(%q): got %v, want no negative number", s, num)
		}
		_, n = spoken.Year(words)
		check("Year", n)
		_, n = spoken.Ordinal(words)
		check("Ordinal", n)
		_, n = spoken.ParseDate("on", words)
		check("ParseDate", n)
		_, n = spoken.ParseMoney(words)
		check("ParseMoney", n)
		_, n = spoken.Percent(words)
		check("Percent", n)
	})
}

func TestAsks_byTheFirstWords(t *testing.T) {
	for text, want := range map[string]bool{
		"do you think so":          true,
		"so um what is it":         true,
		"what's the number":        true,
		"how long does it take":    true,
		"what about the card":      true,
		"when we came back":        false,
		"do it now please":         false,
		"is it":                    false,
		"that is what i asked for": false,
		"":                         false,
	} {
		if got := spoken.Asks(strings.Fields(text)); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
