package analysis

import (
	"strings"

	"github.com/voxparse/voxparse/internal/spoken"
)

// stops are the words that say nothing of what a talk is about, with those
// that every talk has.
var stops = spoken.WordSet(`a about above actually after again all almost also although always am an and another any anybody anyone
anything are aren't around as ask asked asking at away back basically be because been before being between bit both but by call
called came can can't cannot come comes coming could couldn't course definitely did didn't different do does doesn't doing don't
done down each either else end enough even ever every everybody everyone everything exactly far few fine first for from get
gets getting give given go goes going gonna good got gotta great guess had hadn't half happen happened has hasn't have haven't having he
he'd he'll he's hear heard hello help her here here's hers herself hey hi him himself his hmm how how's however i i'd i'll i'm i've if in
into is isn't it it'd it'll it's its itself just keep kind know known last later least left less let let's like little long look looking
looks lot lots made make makes making many may maybe me mean means might mine more most much must my myself need needed
needs never new next nice no nobody none nope nor not nothing now obviously of off oh ok okay on once one ones only or other others our ours
out over own part people perhaps please point pretty probably put quite rather really right said same saw say saying says see
seem seems seen shall she she'd she'll she's should shouldn't show since so some somebody someone something sometimes soon sorry sort
still stuff such suppose sure take taken taking talk talking tell than thank thanks that that'd that'll that's the their theirs them themselves then there
there's these they they'd they'll they're they've thing things think this those though thought through time times to today together told
tomorrow too took totally toward tried true try trying two uh uh-huh uhm um under understand until up upon us use used using usually
very wait wanna want wanted wants was wasn't way ways we we'd we'll we're we've well went were weren't what what's whatever when where
where's whether which while who who's whole whom whose why will with within without won't word work would wouldn't yeah year years yep
yes yesterday yet you you'd you'll you're you've your yours yourself mhm mm mm-hmm huh wow guys guy thank-you goodbye bye morning afternoon
evening day days week weeks month months minute minutes hour hours second seconds monday tuesday wednesday thursday friday saturday sunday
number numbers percent dollar dollars cent cents ll ve re isn didn doesn don card_number phone_number email_address ssn card_expiry
card_security_code mr mrs ms dr sir madam anyway certainly quick quickly able bad big best better away old ago able gone`)

// stopWord reports whether w is a stop word, a number or a mask.
func stopWord(w string) bool {
	if stops[w] || len(w) == 1 || spoken.IsNumberWord(w) || strings.HasPrefix(w, "[") || strings.HasPrefix(w, "$") {
		return true
	}
	return w[0] >= '0' && w[0] <= '9'
}
