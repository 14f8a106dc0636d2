package storetest

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// fileName is what a file is known by.
type fileName struct{ folder, path string }

func (n fileName) compare(o fileName) int {
	if c := strings.Compare(n.folder, o.folder); c != 0 {
		return c
	}
	return strings.Compare(n.path, o.path)
}

// filesOf returns the files of a folder by path.
func (m *Model) filesOf(folder string) []fileName {
	var all []fileName
	for k := range m.files {
		if k.folder == folder {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, fileName.compare)
	return all
}

func contentKey(scope api.Dedupe, f *store.FileRecord) string {
	u, err := store.ParseID(api.FolderPrefix, f.Folder)
	if err != nil {
		panic(err) // checked when the folder was made
	}
	return string(store.ContentKey(u, scope, f.SHA256, f.Options))
}

func (m *Model) takeContent(f *store.FileRecord) {
	for _, scope := range store.ContentScopes {
		if k := contentKey(scope, f); m.contents[k] == (fileName{}) {
			m.contents[k] = fileName{f.Folder, f.Path}
		}
	}
}

func (m *Model) dropContent(f *store.FileRecord) {
	for _, scope := range store.ContentScopes {
		if k := contentKey(scope, f); m.contents[k] == (fileName{f.Folder, f.Path}) {
			delete(m.contents, k)
		}
	}
}

func (m *Model) removeFile(k fileName) {
	m.dropContent(m.files[k])
	delete(m.waiting, k)
	delete(m.finishes, k)
	delete(m.files, k)
}

func (m *Model) cancelJobOf(f *store.FileRecord) {
	if j := m.jobs[f.JobID]; f.Status == store.FileQueued && j != nil && !j.Status.Terminal() {
		j.spend("cancel")
		m.endDuplicates(j.ID, false)
		j.End(api.Cancelled, m.now())
		j.purgeAt = m.now()
	}
}

// endDuplicates ends the wait of a job's duplicates.
func (m *Model) endDuplicates(job string, completed bool) {
	for _, k := range slices.SortedFunc(maps.Keys(m.waiting), fileName.compare) {
		f, then := m.files[k], m.waiting[k]
		if f.JobID != job {
			continue
		}
		delete(m.waiting, k)
		if completed {
			m.planFinish(f, then)
			continue
		}
		m.removeFile(k)
		signal(m.filesDropped)
	}
}

func (m *Model) planFinish(f *store.FileRecord, fin store.Finish) {
	if fin.Planned() {
		m.finishes[fileName{f.Folder, f.Path}] = fin.For(f)
		signal(m.finishesReady)
	}
}

// fileOf returns the file whose job j is, nil where there is none.
func (m *Model) fileOf(j *store.Job) *store.FileRecord {
	f := m.files[fileName{j.Source.Folder, j.Source.Path}]
	if f == nil || f.JobID != j.ID || f.Status == store.FileSkipped {
		return nil
	}
	return f
}

func (m *Model) finishing(j *store.Job) bool {
	f := m.fileOf(j)
	if f == nil {
		return false
	}
	_, planned := m.finishes[fileName{f.Folder, f.Path}]
	return planned
}

func (m *Model) endFile(j *store.Job) {
	f := m.fileOf(j)
	if f == nil {
		return
	}
	if f.EndJob(j) {
		m.dropContent(f)
	}
	if j.Status == api.Failed {
		m.planFinish(f, store.Finish{Action: store.FinishDecide, Reason: j.Error.Message})
	}
	f.ChangedAt = m.now()
}

// retryFileOf queues the file of a job that is tried again. It reports false
// when the file is another by now.
func (m *Model) retryFileOf(j *store.Job) bool {
	if j.Source.Folder == "" {
		return true
	}
	f := m.fileOf(j)
	if f == nil {
		return false
	}
	f.Status, f.Reason, f.ChangedAt = store.FileQueued, "", m.now()
	delete(m.finishes, fileName{f.Folder, f.Path})
	m.takeContent(f)
	return true
}

// ClaimFiles implements store.Folders.
func (m *Model) ClaimFiles(_ context.Context, folderID string, claims []store.FileClaim) ([]store.FileRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	folder := m.folders[folderID]
	if folder == nil {
		return nil, api.NotFound
	}
	var got []store.FileRecord
	for _, c := range claims {
		got = append(got, *m.claimFile(folder, &c))
	}
	return got, nil
}

func (m *Model) claimFile(folder *store.FolderRecord, c *store.FileClaim) *store.FileRecord {
	k := fileName{folder.ID, c.Path}
	fresh := store.FileRecord{Folder: folder.ID, Path: c.Path, Stamp: c.Stamp, SHA256: c.SHA256, Options: c.Options, Status: store.FileQueued, ChangedAt: m.now()}
	if f := m.files[k]; f != nil {
		same := f.Same(c)
		if same && !f.Gone {
			if !f.Stamp.Equal(c.Stamp) {
				f.Stamp, f.ChangedAt = c.Stamp, m.now()
			}
			return f
		}
		delete(m.waiting, k)
		if !same {
			fresh.Outputs = f.Outputs
			m.cancelJobOf(f)
			m.dropContent(f)
		}
		delete(m.finishes, k)
	}
	f := &fresh
	first := m.files[m.contents[contentKey(folder.Options.Dedupe, f)]]
	m.files[k] = f
	if folder.Options.Dedupe != api.DedupeOff && first != nil && first.HasTranscript() {
		m.skipFile(f, first.JobID, c.Skip)
		return f
	}
	j := c.Job
	j.Queue, j.Source.Folder, j.Source.Path, j.Dedupe = f.Folder, f.Folder, f.Path, ""
	j, _, _ = m.submit(j) // the tests' ids are valid
	f.JobID = j.ID
	m.takeContent(f)
	return f
}

func (m *Model) skipFile(f *store.FileRecord, job string, then store.Finish) {
	f.Status, f.JobID, f.Reason = store.FileSkipped, job, "a duplicate of the file of "+job
	if j := m.jobs[job]; j != nil && !j.Status.Terminal() {
		m.waiting[fileName{f.Folder, f.Path}] = then
		return
	}
	m.planFinish(f, then)
}

// IgnoreFiles implements store.Folders.
func (m *Model) IgnoreFiles(_ context.Context, folderID string, claims []store.FileClaim) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.folders[folderID] == nil {
		return api.NotFound
	}
	for _, c := range claims {
		if k := (fileName{folderID, c.Path}); m.files[k] == nil {
			m.files[k] = &store.FileRecord{Folder: folderID, Path: c.Path, Stamp: c.Stamp, SHA256: c.SHA256, Status: store.FileIgnored,
				Reason: "it was there before the folder was watched", ChangedAt: m.now()}
		}
	}
	return nil
}

// DropIgnored implements store.Folders.
func (m *Model) DropIgnored(_ context.Context, folderID string) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.folders[folderID] == nil {
		return 0, api.NotFound
	}
	for _, k := range m.filesOf(folderID) {
		if m.files[k].Status == store.FileIgnored {
			m.removeFile(k)
			n++
		}
	}
	return n, nil
}

// LookFiles implements store.Folders.
func (m *Model) LookFiles(_ context.Context, folderID string, paths []string) (map[string]store.FileRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.folders[folderID] == nil {
		return nil, api.NotFound
	}
	got := map[string]store.FileRecord{}
	for _, p := range paths {
		if f := m.files[fileName{folderID, p}]; f != nil {
			got[p] = *f
		}
	}
	return got, nil
}

// File implements store.Folders.
func (m *Model) File(ctx context.Context, folderID, path string) (store.FileRecord, error) {
	got, err := m.LookFiles(ctx, folderID, []string{path})
	if f, ok := got[path]; ok || err != nil {
		return f, err
	}
	return store.FileRecord{}, api.NotFound
}

// Files implements store.Folders.
func (m *Model) Files(_ context.Context, folderID string, status store.FileStatus, after string, limit int) ([]store.FileRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.folders[folderID] == nil {
		return nil, api.NotFound
	}
	var all []store.FileRecord
	for _, k := range m.filesOf(folderID) {
		if f := m.files[k]; (status == "" || f.Status == status) && (after == "" || f.Path > after) && len(all) < limit {
			all = append(all, *f)
		}
	}
	return all, nil
}

// CountFiles implements store.Folders.
func (m *Model) CountFiles(_ context.Context, folderID string) (map[store.FileStatus]int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.folders[folderID] == nil {
		return nil, api.NotFound
	}
	n := map[store.FileStatus]int{store.FileQueued: 0, store.FileDone: 0, store.FileSkipped: 0, store.FileFailed: 0, store.FileCancelled: 0, store.FileIgnored: 0}
	for _, k := range m.filesOf(folderID) {
		n[m.files[k].Status]++
	}
	return n, nil
}

// RetryFile implements store.Folders.
func (m *Model) RetryFile(_ context.Context, folderID, path string) (store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.files[fileName{folderID, path}]
	switch {
	case m.folders[folderID] == nil, f == nil, m.jobs[f.JobID] == nil:
		return store.Job{}, api.NotFound
	case f.Status != store.FileFailed && f.Status != store.FileCancelled:
		return store.Job{}, api.Conflict
	}
	return m.retry(f.JobID)
}

// DropFile implements store.Folders.
func (m *Model) DropFile(_ context.Context, folderID, path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := fileName{folderID, path}
	if m.folders[folderID] == nil || m.files[k] == nil {
		return api.NotFound
	}
	m.cancelJobOf(m.files[k])
	m.removeFile(k)
	return nil
}

// recordFinish records the outputs and the plan for the file of an ended job.
func (m *Model) recordFinish(j *store.Job, fin store.Finish) {
	if f := m.fileOf(j); f != nil {
		f.Outputs = fin.Outputs
		delete(m.finishes, fileName{f.Folder, f.Path})
		m.planFinish(f, fin)
	}
}

// CompleteFile implements store.Folders.
func (m *Model) CompleteFile(_ context.Context, tok store.Token, result []byte, ev store.Event, fin store.Finish) (store.Job, error) {
	return m.spendToken(tok, "complete", func(j *modelJob) {
		m.complete(j, result, ev)
		m.recordFinish(&j.Job, fin)
	})
}

// RecordOutputs implements store.Folders.
func (m *Model) RecordOutputs(_ context.Context, tok store.Token, outputs []string) error {
	_, err := m.spendToken(tok, "", func(j *modelJob) {
		if f := m.fileOf(&j.Job); f != nil {
			f.Outputs, f.ChangedAt = outputs, m.now()
		}
	})
	return err
}

// PendingFinishes implements store.Folders.
func (m *Model) PendingFinishes(_ context.Context, after *store.Finish, limit int) ([]store.Finish, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []store.Finish
	for _, k := range slices.SortedFunc(maps.Keys(m.finishes), fileName.compare) {
		if (after == nil || k.compare(fileName{after.Folder, after.Path}) > 0) && len(all) < min(limit, 200) {
			all = append(all, m.finishes[k])
		}
	}
	return all, nil
}

// FinishDone implements store.Folders.
func (m *Model) FinishDone(_ context.Context, fin store.Finish, res store.FinishResult) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := fileName{fin.Folder, fin.Path}
	if now, ok := m.finishes[k]; ok && now.Same(&fin) {
		m.files[k].Finished(res)
		m.files[k].ChangedAt = m.now()
		delete(m.finishes, k)
	}
	return nil
}
