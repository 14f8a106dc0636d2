package storetest

import (
	"context"
	"maps"
	"slices"

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
	f.Revision = 1
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
	for _, k := range m.filesOf(id) {
		if f := m.files[k]; f != nil { // it may have been a duplicate of one before it
			m.cancelJobOf(f)
			m.removeFile(k)
		}
	}
	delete(m.folders, id)
	return nil
}
