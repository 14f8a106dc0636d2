package api

import "time"

// SearchRequest says what to look for in the stored transcripts.
type SearchRequest struct {
	Words        string    // all of them were said; the README tells of "…", *, ~ and -
	Speaker      string    // only what this speaker said, "" for anybody; upper and lower case are alike
	Since, Until time.Time // when the transcript was finished: from, and before; zero for no bound
	Limit        int       // transcripts, 20 when 0, at most 100
	Offset       int       // transcripts to pass over
}

// SearchHit is one transcript of GET /v1/search, best first.
type SearchHit struct {
	JobID      string          `json:"job_id"`
	Source     Source          `json:"source"`
	FinishedAt time.Time       `json:"finished_at"`
	Score      float64         `json:"score"`
	Snippets   []SearchSnippet `json:"snippets"`
}

// SearchSnippet is one segment in which words of the query were said.
type SearchSnippet struct {
	Segment int      `json:"segment"` // index into the result's segments
	Start   float64  `json:"start"`   // seconds
	Speaker string   `json:"speaker,omitempty"`
	Text    string   `json:"text"`    // the segment, cut around the matches where it is long
	Matches [][2]int `json:"matches"` // bytes of Text, from and to, in order
}
