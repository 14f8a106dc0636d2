package spoken

import "strings"

var (
	askers  = WordSet("who what when where why how which whose whom what's where's who's how's when's")
	helpers = WordSet("is are was were do does did can could will would should have has had may am isn't aren't don't doesn't didn't can't won't wouldn't couldn't haven't hasn't wasn't")
	asked   = WordSet("i you he she it we they this that there your my the his her their our anyone anybody someone somebody anything any")
	amounts = WordSet("much many long about kind time")
	leads   = WordSet("so and but okay ok well now then um uh alright also because or just sorry hi hello yeah yes")
)

// Asks reports whether a sentence that begins with words asks something: a
// recognizer that writes no question marks leaves only that to go by.
func Asks(words []string) bool {
	for len(words) > 0 && leads[words[0]] {
		words = words[1:]
	}
	if len(words) < 3 {
		return false
	}
	first, second := words[0], words[1]
	switch {
	case askers[first] && strings.HasSuffix(first, "'s"):
		return true
	case askers[first]:
		return helpers[second] || amounts[second]
	case first == "do" && (second == "it" || second == "that" || second == "this"):
		return false // an order
	}
	return helpers[first] && asked[second]
}

// English reports whether the rules of this package are for language, such as
// "en" or "en-GB"; one that is not known is taken for English.
func English(language string) bool {
	l := strings.ToLower(language)
	return l == "" || l == "en" || strings.HasPrefix(l, "en-") || strings.HasPrefix(l, "en_")
}

// WordSet is the set of the words of list, which white space parts.
func WordSet(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}
