package storetest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// CreateFolder implements store.Folders.
func (m *Model) CreateFolder(_ context.Context, f store.FolderRecord) (store.FolderRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !api.ValidID(api.FolderPrefix, f.ID) {
		return store.FolderRecord{}, api.Invalid
	}
	if old := m.folders[f.ID]; old != nil {
		return *old, nil
	}
	if m.watched(f.Dir) {
		return store.FolderRecord{}, api.Conflict
	}
	f.Revision, f.RemovedAt = 1, time.Time{}
	if old := m.removed[f.ID]; old != nil {
		f.Revision = old.Revision + 1
		delete(m.removed, f.ID)
	}
	if f.CreatedAt.IsZero() {
		f.CreatedAt = m.now()
	}
	m.folders[f.ID] = &f
	return f, nil
}

func (m *Model) watched(dir string) bool {
	for _, f := range m.folders {
		if f.Dir == dir {
			return true
		}
	}
	return false
}

// Folder implements store.Folders.
func (m *Model) Folder(_ context.Context, id string) (store.FolderRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.folders[id]; f != nil {
		return *f, nil
	}
	return store.FolderRecord{}, api.NotFound
}

// Folders implements store.Folders.
func (m *Model) Folders(context.Context) ([]store.FolderRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []store.FolderRecord
	for _, id := range slices.Sorted(maps.Keys(m.folders)) {
		all = append(all, *m.folders[id])
	}
	return all, nil
}

// UpdateFolder implements store.Folders. It runs change twice, as a backend
// that repeats a transaction may.
func (m *Model) UpdateFolder(_ context.Context, id string, change func(*store.FolderRecord) error) (store.FolderRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.folders[id]
	if f == nil {
		return store.FolderRecord{}, api.NotFound
	}
	var next store.FolderRecord
	for range 2 {
		next = *f
		if err := change(&next); err != nil {
			return store.FolderRecord{}, err
		}
	}
	next.ID, next.Revision, next.CreatedAt = f.ID, f.Revision+1, f.CreatedAt
	if next.Dir != f.Dir && m.watched(next.Dir) {
		return store.FolderRecord{}, api.Conflict
	}
	m.folders[id] = &next
	return next, nil
}

// DeleteFolder implements store.Folders.
func (m *Model) DeleteFolder(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.folders[id] == nil {
		return api.NotFound
	}
	kept := m.dropFiles(id, func(k fileName) bool {
		_, waits := m.waiting[k]
		return m.files[k].OutlivesFolder(waits)
	})
	if f := m.folders[id]; kept {
		f.Revision++
		f.RemovedAt = m.now()
		m.removed[id] = f
	}
	delete(m.folders, id)
	return nil
}

// dropFiles drops the files of a folder that are not to be kept, and reports
// whether some are.
func (m *Model) dropFiles(folder string, keep func(fileName) bool) (kept bool) {
	for _, k := range m.filesOf(folder) {
		f := m.files[k]
		switch {
		case f == nil: // it was a duplicate of one before it
		case keep(k):
			delete(m.finishes, k)
			kept = true
		default:
			m.cancelJobOf(f)
			m.removeFile(k)
		}
	}
	return kept
}

// RemovedFolders implements store.Folders.
func (m *Model) RemovedFolders(context.Context) ([]store.FolderRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []store.FolderRecord
	for _, id := range slices.Sorted(maps.Keys(m.removed)) {
		all = append(all, *m.removed[id])
	}
	return all, nil
}

// purgeFolders drops what is kept of folders that were removed before a time.
func (m *Model) purgeFolders(before time.Time) {
	for id, f := range m.removed {
		if f.RemovedAt.Before(before) {
			m.dropFiles(id, func(fileName) bool { return false })
			delete(m.removed, id)
		}
	}
}
