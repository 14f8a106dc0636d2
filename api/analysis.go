package api

// Analysis is the ai_analysis of a result.
type Analysis struct {
	Method string `json:"method"` // "builtin", or the name of the endpoint's model
}
