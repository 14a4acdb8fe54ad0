package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/truetime"
)

// slowDisk is a disk on which an fsync takes at least so long.
type slowDisk struct {
	vfs.FS
	sync time.Duration
}

// Create implements vfs.FS.
func (d slowDisk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, category)
	return slowFile{f, d.sync}, err
}

// ReuseForWrite implements vfs.FS.
func (d slowDisk) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(from, to, category)
	return slowFile{f, d.sync}, err
}

type slowFile struct {
	vfs.File
	sync time.Duration
}

// Sync implements vfs.File.
func (f slowFile) Sync() error { return f.slowly(f.File.Sync) }

// SyncData implements vfs.File.
func (f slowFile) SyncData() error { return f.slowly(f.File.SyncData) }

// SyncTo implements vfs.File.
func (f slowFile) SyncTo(length int64) (full bool, err error) {
	err = f.slowly(func() error { full, err = f.File.SyncTo(length); return err })
	return full, err
}

// slowly is more exact than time.Sleep, which is a millisecond too long.
func (f slowFile) slowly(sync func() error) error {
	end := truetime.FromStd(time.Now().Add(f.sync))
	if err := sync(); err != nil {
		return err
	}
	return commitwait.Until(context.Background(), fixed(0), end)
}

// syncTime is what an fsync of a few hundred bytes takes in the folder, at the median of many.
func syncTime(files vfs.FS, folder string) (time.Duration, error) {
	if err := files.MkdirAll(folder, 0o777); err != nil {
		return 0, err
	}
	f, err := files.Create(filepath.Join(folder, "sync"), vfs.WriteCategoryUnspecified)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var took []time.Duration
	for range 300 {
		if _, err := f.Write(make([]byte, 300)); err != nil {
			return 0, err
		}
		begun := time.Now()
		if err := f.SyncData(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(begun))
	}
	return quantile(took, 0.5), nil
}
