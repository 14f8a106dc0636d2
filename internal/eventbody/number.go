package eventbody

import (
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// appendNumber appends f as ECMAScript's Number.prototype.toString writes it.
// Minus zero becomes 0, as in JSON.stringify. f must be finite.
func appendNumber(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0')
	}
	return jsontext.AppendFloat(dst, f, 64)
}

// numberFault says why the JSON number raw does not come back from JavaScript
// with the value it was written with, "" when it does. The sentence names the
// fix. A number survives when the shortest decimal of its nearest double, which
// is what JSON.stringify prints, denotes the same value.
func numberFault(raw string) string {
	f, err := strconv.ParseFloat(raw, 64)
	short := shorten(raw)
	switch {
	case err != nil || math.IsInf(f, 0):
		return short + ` is beyond the range of a double; send it as a string: "` + short + `"`
	case raw[0] == '-' && f == 0 && isZero(raw):
		return short + ` comes back from JavaScript as 0; send 0`
	case f == 0 && !isZero(raw):
		return short + ` is too small for a double and becomes 0; send 0, or a string: "` + short + `"`
	}
	printed := string(appendNumber(nil, f))
	digits, exp := decimal(raw)
	wantDigits, wantExp := decimal(printed)
	if digits != wantDigits || exp != wantExp {
		return short + ` does not fit a double, JavaScript would make it ` + printed + `; send it as a string: "` + short + `"`
	}
	return ""
}

// isZero reports whether the JSON number raw has no digit but 0 before its
// exponent.
func isZero(raw string) bool {
	mantissa, _, _ := strings.Cut(strings.ToLower(raw), "e")
	return strings.Trim(mantissa, "-0.") == ""
}

// maxExponent bounds the exponents that decimal tells apart; a double knows none
// beyond 400.
const maxExponent = 1 << 20

// decimal returns the significant digits of the JSON number raw, without zeros
// at either end, and the power of ten of the last one. The sign is left out.
func decimal(raw string) (digits string, exp int) {
	mantissa, power, hasPower := strings.Cut(strings.ToLower(strings.TrimPrefix(raw, "-")), "e")
	if hasPower {
		n, err := strconv.Atoi(power)
		if err != nil || n > maxExponent || n < -maxExponent {
			n = maxExponent
			if strings.HasPrefix(power, "-") {
				n = -maxExponent
			}
		}
		exp = n
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	all := whole + fraction
	exp -= len(fraction)
	digits = strings.TrimRight(all, "0")
	exp += len(all) - len(digits)
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return "0", 0
	}
	return digits, exp
}

// shorten keeps an error message readable when a number has hundreds of digits.
func shorten(raw string) string {
	const keep = 40
	if len(raw) <= keep {
		return raw
	}
	return raw[:keep] + "…"
}
