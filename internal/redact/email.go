package redact

import (
	"regexp"
	"strings"

	"github.com/voxparse/voxparse/internal/spoken"
)

var writtenEmail = regexp.MustCompile(`(?i)[\pL\pN._%+'’-]+@[\pL\pN-]+(\.[\pL\pN-]+)*\.\pL{2,}`)

var topLevel = spoken.WordSet("com net org edu gov mil io co uk us ca de info biz me dev app ai au nz in fr eu es it nl ch at be ie se no dk fi pl jp cn br mx ru tv cloud online shop store tech xyz live")

// mailHosts are domains that are said for hardly anything but mail.
var mailHosts = spoken.WordSet("gmail googlemail hotmail outlook yahoo icloud aol protonmail proton msn comcast verizon gmx fastmail ymail zoho mail btinternet")

// notNames cannot be the part of an address before "at": "call us at", "look
// at"; strictly so for pronouns, and for the others unless an e-mail address
// is spoken of.
var (
	notNames   = spoken.WordSet("me us him her them it you we they he she at to of for from with and or the a an is are was were be been")
	otherVerbs = spoken.WordSet("look looking find found out shop shopping met meet meeting up order ordered ordering work works worked working bought buy buying online website site available sign signed check visit visited here there job team people products product store page started live lives account posted registered arrived stay sold sells hosted prices everything everyone section blog log logged go")
	joints     = spoken.WordSet("dot period underscore dash hyphen plus point . _ -")
	mailWords  = spoken.WordSet("email e-mail emails e-mailed emailed mail inbox gmail cc")
)

// emails finds e-mail addresses, written or spelled out.
func (d *document) emails(view []int, claim func(Kind, int, int)) {
	for i := range view {
		if view[i] == breakTurn || d.claimed[view[i]] != "" || d.tokens[view[i]].mask != "" {
			continue
		}
		w := d.word(view, i)
		if strings.Contains(w, "@") && writtenEmail.MatchString(d.raw(view[i])) {
			claim(Email, i, i+1)
			continue
		}
		if w != "at" && w != "@" {
			continue
		}
		domain := i + 1
		if w == "at" && wordOf(d.word(view, domain), "sign", "symbol") {
			domain++
		}
		spelled := w == "@" || domain > i+1
		about := d.aboutMail(view, i)
		to, host := d.domain(view, domain, about || spelled)
		if to < 0 {
			continue
		}
		if from := d.localPart(view, i, about || spelled, mailHosts[host]); from < i {
			claim(Email, from, to)
		}
	}
}

// aboutMail reports whether e-mail is spoken of in the 12 words before i.
func (d *document) aboutMail(view []int, i int) bool {
	flat := d.views[len(d.views)-1]
	for j := view[i] - 1; j >= max(0, view[i]-16); j-- {
		if w := d.word(flat, j); mailWords[w] || (w == "address" && !wordOf(d.word(flat, j-1), "street", "home", "ip", "mailing", "web", "billing")) {
			return true
		}
	}
	return false
}

// usable reports whether position i of view may be part of an address.
func (d *document) usable(view []int, i int) bool {
	return d.word(view, i) != "" && d.claimed[view[i]] == ""
}

// domain reads a domain from position i: "gmail dot com", "gmail.com", "g m a
// i l dot com", "acme dash corp dot co dot uk". It returns the position after
// it, -1 where there is none, and the first label.
func (d *document) domain(view []int, i int, about bool) (int, string) {
	if w := d.word(view, i); strings.Contains(w, ".") && d.usable(view, i) {
		labels := strings.Split(w, ".")
		if topLevel[labels[len(labels)-1]] && labels[0] != "" {
			return i + 1, labels[0]
		}
	}
	var name strings.Builder
	words, letters := 0, 0
	j := i
	for ; d.usable(view, j) && !isDot(d.word(view, j)); j++ {
		w := d.word(view, j)
		if wordOf(w, "dash", "hyphen", "-") {
			words = 0
			continue
		}
		if words++; len(w) == 1 || d.tokens[view[j]].digits != "" {
			letters++
		}
		if words > 14 || words-letters > 3 || (words-letters > 1 && !about) {
			return -1, ""
		}
		name.WriteString(w)
	}
	if j == i {
		return -1, ""
	}
	end := -1
	for isDot(d.word(view, j)) && d.usable(view, j+1) {
		w := d.word(view, j+1)
		if topLevel[w] {
			end = j + 2
		}
		j += 2
	}
	return end, name.String()
}

func isDot(w string) bool { return w == "dot" || w == "." || w == "period" }

// localPart returns where the part before the "at" at position at begins, at
// itself where there is none.
func (d *document) localPart(view []int, at int, about, mailHost bool) int {
	i := at - 1
	if !d.usable(view, i) || notNames[d.word(view, i)] || joints[d.word(view, i)] {
		return at
	}
	joined := false
	for {
		prev := d.word(view, i-1)
		switch {
		case !d.usable(view, i-1) || d.tokens[view[i]].soft && !joints[prev]:
		case joints[prev] && d.usable(view, i-2) && !notNames[d.word(view, i-2)]:
			i, joined = i-2, true
			continue
		case d.chained(view, i):
			i, joined = i-1, true
			continue
		}
		break
	}
	if !joined && !about && (otherVerbs[d.word(view, i)] || strings.HasSuffix(d.word(view, i), "ing") || !(mailHost || plainName(d.word(view, i)))) {
		return at
	}
	if about {
		return d.fromMarker(view, i)
	}
	return i
}

// chained reports whether the words at i-1 and i are read out as one: letters
// and digits one by one, or a name and the digits behind it.
func (d *document) chained(view []int, i int) bool {
	cur, prev := d.word(view, i), d.word(view, i-1)
	curPart, prevPart := d.spelledPart(view, i), d.spelledPart(view, i-1)
	switch {
	case curPart && prevPart:
		return true
	case prevPart:
		return d.tokens[view[i-1]].digits == "" && prev != "i" && prev != "a"
	case curPart && d.tokens[view[i]].digits != "":
		return !notNames[prev] && !otherVerbs[prev] && !mailWords[prev] && cur != "o"
	}
	return false
}

// spelledPart reports whether position i is a letter or a number.
func (d *document) spelledPart(view []int, i int) bool {
	w := d.word(view, i)
	return len(w) == 1 || d.tokens[view[i]].digits != "" || spoken.IsNumberWord(w) || w == "double"
}

// plainName reports whether w can be a mailbox by itself.
func plainName(w string) bool {
	return len(w) > 1 && strings.Trim(w, "abcdefghijklmnopqrstuvwxyz0123456789._-+'") == ""
}

// fromMarker returns the position after the nearest "is", "to" or the like in
// the four words before i, where an address is announced by them, or that of
// the segment: all words between belong to it. Else it returns i.
func (d *document) fromMarker(view []int, i int) int {
	for j := i - 1; j >= max(0, i-4); j-- {
		w := d.word(view, j)
		if wordOf(w, "is", "it's", "that's", "to", "at") {
			return j + 1
		}
		if d.usable(view, j) && d.tokens[view[j]].seg != d.tokens[view[i]].seg {
			return j + 1 // the answer to a question for it
		}
		if !d.usable(view, j) || notNames[w] || mailWords[w] || otherVerbs[w] || d.tokens[view[j+1]].soft {
			return i
		}
		if j == 0 {
			return 0
		}
	}
	return i
}
