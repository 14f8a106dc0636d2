package redact

import (
	"slices"
	"strings"
)

// ssns finds social security numbers: nine digits where one is spoken of, or
// nine valid ones parted 3-2-4.
func (d *document) ssns(view []int, r run, claim func(Kind, int, int)) {
	digits := r.digits()
	if len(digits) < 9 {
		return
	}
	topic := d.topic(view, r[0].pos, r[len(r)-1].pos+1)
	for i := 0; i < len(r); i++ {
		j := r.end(i, 9)
		if j < 0 || !r.boundary(i) || !(r.boundary(j) || (i == 0 && topic == ssnTopic)) {
			continue
		}
		part := r[i:j]
		shaped := slices.Equal(part.shape(), []int{3, 2, 4}) && validSSN(part.digits())
		if topic == ssnTopic || (shaped && topic != otherTopic && topic != phoneTopic) {
			claim(SSN, r[i].pos, r[j-1].pos+1)
			i = j - 1
		}
	}
}

// validSSN reports whether the number could have been issued.
func validSSN(s string) bool {
	return s[:3] != "000" && s[:3] != "666" && s[0] != '9' && s[3:5] != "00" && s[5:] != "0000"
}

// phones finds phone numbers: North American ones of ten digits, or eleven
// with the leading 1, unless the words around say that they are something
// else; those with a plus; and where a phone is spoken of, seven to fifteen
// digits.
func (d *document) phones(view []int, r run, claim func(Kind, int, int)) {
	if len(r.digits()) < 7 {
		return
	}
	topic := d.topic(view, r[0].pos, r[len(r)-1].pos+1)
	for i := 0; i < len(r); i++ {
		if !r.boundary(i) {
			continue
		}
		for _, n := range []int{15, 14, 13, 12, 11, 10, 9, 8, 7} {
			j := r.end(i, n)
			if j < 0 || !(r.boundary(j) || r.changes(j) || (i == 0 && topic == phoneTopic && n == 10)) {
				continue
			}
			plus := d.plusBefore(view, r[i].pos)
			if !d.isPhone(r[i:j], topic, plus) {
				continue
			}
			from := r[i].pos
			if d.word(view, from-1) == "plus" && d.claimed[view[from-1]] == "" {
				from--
			}
			claim(Phone, from, r[j-1].pos+1)
			i = j - 1
			break
		}
	}
}

// plusBefore reports whether the number at position i is written or said with
// a plus.
func (d *document) plusBefore(view []int, i int) bool {
	return strings.HasPrefix(d.raw(view[i]), "+") || d.word(view, i-1) == "plus"
}

func (d *document) isPhone(r run, topic topic, plus bool) bool {
	digits := r.digits()
	switch {
	case plus:
		return len(digits) >= 8 && digits[0] != '0' && topic != otherTopic
	case topic == phoneTopic:
		return len(digits) != 9 || digits[0] == '0'
	case topic == otherTopic:
		return false
	case topic == cardTopic || topic == ssnTopic:
		return northAmerican(digits) && phoneShape(r.shape())
	case northAmerican(digits):
		return !r.counting() && (phoneShape(r.shape()) || r.saidOneByOne())
	}
	return len(digits) == 11 && strings.HasPrefix(digits, "07") // a British mobile
}

// changes reports whether digits are said one by one up to atom i, and others
// from there: "… zero one nine nine | twenty four hours".
func (r run) changes(i int) bool {
	return i > 0 && i < len(r) && r[i-1].single && !r[i].single && len(r[i].groups) == 0
}

// saidOneByOne reports whether most of r are single digits in words.
func (r run) saidOneByOne() bool {
	single := 0
	for i := range r {
		if r[i].single {
			single++
		}
	}
	return single >= 6 || (len(r) == 1 && len(r[0].groups) == 1)
}

// northAmerican reports whether digits are a number of the North American
// plan: area code and exchange begin with 2 to 9.
func northAmerican(digits string) bool {
	if len(digits) == 11 && digits[0] == '1' {
		digits = digits[1:]
	}
	return len(digits) == 10 && digits[0] >= '2' && digits[3] >= '2' && digits[1:3] != "11"
}

// phoneShape reports whether the groups are those in which people write a
// North American number.
func phoneShape(groups []int) bool {
	if len(groups) > 2 && groups[0] == 1 {
		groups = groups[1:]
	}
	for _, shape := range [][]int{{3, 3, 4}, {3, 7}, {6, 4}, {3, 3, 2, 2}} {
		if slices.Equal(groups, shape) {
			return true
		}
	}
	return false
}
