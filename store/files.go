package store

func (t *tx) endedFile(r *jobRecord)         {}
func (t *tx) retriedFile(r *jobRecord) error { return nil }
func (t *tx) droppedFile(r *jobRecord)       {}
