package api

// What stands in Analysis.Method, Sentiment.Label and Amount.Kind.
const (
	MethodBuiltin = "builtin" // the rules in the program itself, which use no network

	SentimentPositive = "positive" // score of 0.05 or more
	SentimentNegative = "negative" // score of -0.05 or less
	SentimentNeutral  = "neutral"

	AmountMoney   = "amount"
	AmountPercent = "percentage"
	AmountDate    = "date"
)

// Analysis is the ai_analysis of a result. Every item names the segment it
// comes from. Lists are in the order of the audio, topics and speakers in the
// order of weight; no list is null where the method could have filled it.
type Analysis struct {
	Method        string         `json:"method"`                         // MethodBuiltin, or the name of the endpoint's model
	Note          string         `json:"note,omitempty"`                 // a sentence: why a part is missing or another method was used
	Summary       []Quote        `json:"summary"`                        // builtin: sentences as said; a model: its own words with their source
	Answer        string         `json:"answer,omitempty"`               // what a model answered to the instructions
	Sentiment     *Sentiment     `json:"sentiment,omitempty"`            // absent where the language is not known
	Topics        []Topic        `json:"topics"`                         // most weighty first
	ActionItems   []ActionItem   `json:"action_items"`                   // what somebody promised or was asked to do
	Questions     []Quote        `json:"questions"`                      // questions asked
	Financial     []Amount       `json:"financial"`                      // amounts, percentages and dates
	Compliance    []Concern      `json:"compliance"`                     // where card data and the like were said; never the data
	TalkRatio     []SpeakerTalk  `json:"talk_ratio,omitempty"`           // only where there are speakers
	Interruptions []Interruption `json:"interruptions,omitempty"`        // only where speakers overlap
	TalkOverlap   float64        `json:"talk_overlap_seconds,omitempty"` // time in which two or more speak at once
}

// Ref says where in a result an item comes from.
type Ref struct {
	Segment int     `json:"segment"`           // index into Result.Segments
	Start   float64 `json:"start"`             // seconds: the start of that segment, or of the words where their times are known
	Speaker string  `json:"speaker,omitempty"` // who said it, where known
}

// Quote is a sentence with its place.
type Quote struct {
	Ref
	Text string `json:"text"`
}

// ActionItem is something that somebody promised or was asked to do.
type ActionItem struct {
	Ref
	Text  string `json:"text"`
	Owner string `json:"owner,omitempty"` // the speaker who promised it, or a name a model found
	Due   string `json:"due,omitempty"`   // when, as said: "by Friday"
}

// Sentiment is the mood of the whole talk and of each speaker.
type Sentiment struct {
	Label     string             `json:"label"`
	Score     float64            `json:"score"` // -1 to 1
	BySpeaker []SpeakerSentiment `json:"by_speaker,omitempty"`
	Highest   *Quote             `json:"most_positive,omitempty"` // the sentence with the best score, if positive
	Lowest    *Quote             `json:"most_negative,omitempty"` // the sentence with the worst score, if negative
}

// SpeakerSentiment is the mood of one speaker.
type SpeakerSentiment struct {
	Speaker string  `json:"speaker"`
	Label   string  `json:"label"`
	Score   float64 `json:"score"` // -1 to 1
}

// Topic is what the talk is about. Its Ref is the first mention.
type Topic struct {
	Ref
	Label    string  `json:"label"`
	Score    float64 `json:"score"`    // 0 to 1, the weightiest topic has 1
	Mentions int     `json:"mentions"` // how often it is said
}

// Amount is a sum of money, a percentage or a date, as said and normalized.
type Amount struct {
	Ref
	Kind       string  `json:"kind"`
	Said       string  `json:"said"`               // "twelve hundred dollars"
	Normalized string  `json:"normalized"`         // "1200.00 USD", "5.5%", "2026-03-03"; "--03-03" without a year, "2026-03" without a day
	Value      float64 `json:"value"`              // 1200, 5.5; the year for a date, 0 without one
	Currency   string  `json:"currency,omitempty"` // ISO 4217, with a sum of money
}

// Concern is a place where protected data was said, or masked.
type Concern struct {
	Ref
	End      float64 `json:"end"`                // seconds
	Kind     string  `json:"kind"`               // "card_number", "card_security_code", "card_expiry", "ssn"
	Redacted bool    `json:"redacted,omitempty"` // the words are masked in this result
}

// SpeakerTalk is how much one speaker talked.
type SpeakerTalk struct {
	Speaker        string  `json:"speaker"`
	Seconds        float64 `json:"seconds"`
	Ratio          float64 `json:"ratio"` // 0 to 1, of all talk
	Words          int     `json:"words"`
	WordsPerMinute float64 `json:"words_per_minute"`
}

// Interruption is a place where one speaker began while another still spoke.
// Its Ref is the segment of the one who interrupts.
type Interruption struct {
	Ref
	Interrupted string  `json:"interrupted"` // the speaker who was interrupted
	Overlap     float64 `json:"overlap_seconds"`
}
