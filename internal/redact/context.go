package redact

import "strings"

// topic is what the words around a number say that it is.
type topic int

const (
	noTopic topic = iota
	cardTopic
	ssnTopic
	phoneTopic
	otherTopic // an order, an account, a ticket: none of ours
)

var topics = map[string]topic{
	"card": cardTopic, "visa": cardTopic, "mastercard": cardTopic, "amex": cardTopic, "credit": cardTopic, "debit": cardTopic,
	"social": ssnTopic, "ssn": ssnTopic, "s.s.n": ssnTopic, "socials": ssnTopic,
	"phone": phoneTopic, "telephone": phoneTopic, "cell": phoneTopic, "cellphone": phoneTopic, "mobile": phoneTopic,
	"call": phoneTopic, "callback": phoneTopic, "reach": phoneTopic, "text": phoneTopic, "dial": phoneTopic,
	"fax": phoneTopic, "landline": phoneTopic, "voicemail": phoneTopic, "whatsapp": phoneTopic, "hotline": phoneTopic,
	"ring": phoneTopic, "contact": phoneTopic,
	"order": otherTopic, "tracking": otherTopic, "invoice": otherTopic, "confirmation": otherTopic, "reference": otherTopic,
	"ticket": otherTopic, "case": otherTopic, "serial": otherTopic, "account": otherTopic, "routing": otherTopic,
	"policy": otherTopic, "member": otherTopic, "membership": otherTopic, "claim": otherTopic, "isbn": otherTopic,
	"sku": otherTopic, "part": otherTopic, "model": otherTopic, "badge": otherTopic, "employee": otherTopic,
	"booking": otherTopic, "flight": otherTopic, "version": otherTopic, "barcode": otherTopic, "upc": otherTopic,
	"imei": otherTopic, "vin": otherTopic, "license": otherTopic, "meter": otherTopic, "item": otherTopic,
	"product": otherTopic, "transaction": otherTopic, "batch": otherTopic, "po": otherTopic, "catalog": otherTopic,
	"shipment": otherTopic, "package": otherTopic, "patent": otherTopic, "docket": otherTopic, "lot": otherTopic,
	"customer": otherTopic, "id": otherTopic, "timestamp": otherTopic, "extension": otherTopic, "pin": otherTopic,
	"zip": otherTopic, "unit": otherTopic, "error": otherTopic, "build": otherTopic, "population": otherTopic,
	"loyalty": otherTopic, "rewards": otherTopic,
}

// otherCards are cards that are not payment cards.
var otherCards = map[string]bool{
	"gift": true, "loyalty": true, "library": true, "membership": true, "business": true, "sim": true, "report": true,
	"rewards": true, "id": true, "key": true, "insurance": true, "medicare": true, "birthday": true, "points": true,
	"calling": true, "member": true, "wild": true, "score": true, "health": true,
}

// names are the words that turn what comes before them into a number's name:
// "order number", "tracking id", "the case is".
var names = map[string]bool{
	"number": true, "numbers": true, "id": true, "code": true, "no": true, "is": true, "was": true, "key": true,
	"#": true, "num": true, "ids": true, "reads": true, "says": true,
}

// topicAt returns the topic that the word at position i of view sets.
func (d *document) topicAt(view []int, i int) topic {
	w := strings.TrimSuffix(d.word(view, i), "'s")
	t := topics[w]
	next := d.word(view, i+1)
	if w == "s" && next == "s" && d.word(view, i+2) == "n" {
		return ssnTopic
	}
	prev := d.word(view, i-1)
	switch {
	case t == noTopic:
		return noTopic
	case w == "card" && otherCards[prev]:
		return otherTopic
	case w == "social" && !d.ownSocial(view, i+1):
		return noTopic
	case w == "call" && (prev == "this" || prev == "the" || prev == "a" || prev == "our" || prev == "your" || prev == "last"):
		return noTopic
	case w == "credit" && (next == "score" || next == "union" || next == "limit"):
		return noTopic
	}
	return t
}

// ownSocial reports whether the word after "social", at position i, leaves it
// a social security number: not a social budget, event or network.
func (d *document) ownSocial(view []int, i int) bool {
	switch d.word(view, i) {
	case "", "security", "insurance", "number", "is", "was", "it's", "ends", "please", "so", "yes", "yeah", "sure", "um", "uh", "and", "okay", "that's", "would", "again":
		return true
	}
	return d.tokens[view[i]].digits != "" || d.word(view, i) == "double" || d.word(view, i) == "triple"
}

// lookBack is how many words before a number may say what it is.
const lookBack = 14

// topic returns what the words around a number at positions from to to
// (exclusive) of view say that it is: the nearest before it, else those after
// it ("… is my cell"). All speakers count: one asks, the other answers.
func (d *document) topic(view []int, from, to int) topic {
	flat := d.views[len(d.views)-1]
	seen := 0
	for i := view[from] - 1; i >= 0 && seen < lookBack; i-- {
		if d.tokens[i].digits != "" {
			continue
		}
		seen++
		t := d.topicAt(flat, i)
		if t == noTopic {
			continue
		}
		if t == otherTopic && !(seen <= 5 && (seen == 1 || names[d.word(flat, i+1)])) {
			continue
		}
		return t
	}
	last := view[to-1]
	if w := d.word(flat, last+1); w != "is" && w != "was" && w != "that's" && w != "as" && w != "for" {
		return noTopic
	}
	for i := last + 2; i < last+7; i++ {
		if t := d.topicAt(flat, i); t != noTopic {
			return t
		}
	}
	return noTopic
}

// nearCard reports whether a payment card is spoken of, or was found, within
// 60 words of token t.
func (d *document) nearCard(t int) bool {
	flat := d.views[len(d.views)-1]
	for i := max(0, t-60); i < min(len(d.tokens), t+60); i++ {
		if d.claimed[i] == CardNumber || d.tokens[i].mask == CardNumber || d.topicAt(flat, i) == cardTopic {
			return true
		}
	}
	return false
}
