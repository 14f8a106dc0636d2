package api

// Result is a finished transcript. Its JSON is what a synchronous submit
// answers, what GET /v1/jobs/{id}/result gives, and, without Words, what a
// webhook carries as data.result. Times are seconds from the start of the audio.
type Result struct {
	JobID           string         `json:"job_id"`
	DurationSeconds float64        `json:"duration_seconds"`
	Language        string         `json:"language"`
	Model           string         `json:"model"`
	Text            string         `json:"text"`
	Segments        []Segment      `json:"segments"`
	Words           []Word         `json:"words,omitempty"` // only where the engine gives real word times
	AIAnalysis      *Analysis      `json:"ai_analysis,omitempty"`
	Redactions      map[string]int `json:"redactions,omitempty"` // kind → count
}

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
}
