package redact

import "github.com/voxparse/voxparse/api"

// Analysis masks what is found in the texts of a, which may be nil. Apply does
// it too; it is for an analysis made after the masking, by a model.
func Analysis(a *api.Analysis) { maskAnalysis(a) }

func maskAnalysis(a *api.Analysis) {
	if a == nil {
		return
	}
	mask := func(s *string) { *s, _ = Text(*s) }
	mask(&a.Answer)
	for i := range a.Summary {
		mask(&a.Summary[i].Text)
	}
	for i := range a.Questions {
		mask(&a.Questions[i].Text)
	}
	for i := range a.ActionItems {
		mask(&a.ActionItems[i].Text)
		mask(&a.ActionItems[i].Owner)
		mask(&a.ActionItems[i].Due)
	}
	for i := range a.Topics {
		mask(&a.Topics[i].Label)
	}
	for i := range a.Financial {
		mask(&a.Financial[i].Said)
		mask(&a.Financial[i].Normalized)
	}
	if s := a.Sentiment; s != nil {
		for _, q := range []*api.Quote{s.Highest, s.Lowest} {
			if q != nil {
				mask(&q.Text)
			}
		}
	}
}
