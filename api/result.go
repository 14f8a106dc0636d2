package api

// Result is a finished transcript. Its JSON is what a synchronous submit
// answers, what GET /v1/jobs/{id}/result gives, and, without Words, what a
// webhook carries as data.result. Times are seconds from the start of the audio.
type Result struct {
	JobID           string  `json:"job_id"`
	DurationSeconds float64 `json:"duration_seconds"`
	Language        string  `json:"language"`
	Model           string  `json:"model"`

	// LanguageConfidence is how well the sound fits the language of the model,
	// 0-1: the mean chance of a token. Clear speech in that language has 0.8
	// and more, another language about 0.4. It is a score of trust, and names no
	// other language. Nil where the engine gives none.
	LanguageConfidence *float64 `json:"language_confidence,omitempty"`

	Text       string         `json:"text"`
	Segments   []Segment      `json:"segments"`
	Words      []Word         `json:"words,omitempty"` // only where the engine gives real word times
	AIAnalysis *Analysis      `json:"ai_analysis,omitempty"`
	Redactions map[string]int `json:"redactions,omitempty"` // kind → count
	Track      int            `json:"track,omitempty"`      // the audio track that was transcribed, from 1, where the file has several
	Truncated  bool           `json:"truncated,omitempty"`  // the file ends before its recording does, as allow_truncated accepts
	Notices    []Notice       `json:"notices,omitempty"`    // what to know about the recording or this transcript of it
}

// Notice tells a person what to know about a recording or its transcript: that
// it is quiet, or that one audio track of two was used. It is no error.
type Notice struct {
	Code    NoticeCode `json:"code"`
	Message string     `json:"message"` // one sentence, for a person
}

// NoticeCode classifies a Notice.
type NoticeCode string

// Segment is a stretch of speech.
type Segment struct {
	Start      float64  `json:"start"`
	End        float64  `json:"end"`
	Speaker    string   `json:"speaker,omitempty"`
	Text       string   `json:"text"`
	Confidence *float64 `json:"confidence,omitempty"` // 0-1, where the engine gives one
}

// Word is one word with the engine's own times.
type Word struct {
	Start   float64 `json:"start"`
	End     float64 `json:"end"`
	Text    string  `json:"text"`
	Speaker string  `json:"speaker,omitempty"`

	// Confidence is the chance that the word is right, 0-1, where the engine
	// gives one.
	Confidence *float64 `json:"confidence,omitempty"`
}
