//go:build linux

package machine

import "time"

// snapshots is qemu's name of the image where a machine's snapshots are. No device of the machine has it.
const snapshots = "snapshots"

// Snapshot keeps the machine's state in its qemu, where Rewind finds it. The machine goes on.
func (m *Machine) Snapshot() {
	m.t.Helper()
	if !m.keepsSnapshots {
		m.createImage()
		m.keepsSnapshots = true
	}
	m.job("snapshot-save", map[string]any{"tag": "state", "vmstate": snapshots, "devices": []string{snapshots}})
}

// Rewind has the machine be what it was at the snapshot, and go on from there: all that it has counted since is lost, and
// the snapshot is gone.
func (m *Machine) Rewind() {
	m.t.Helper()
	m.job("snapshot-load", map[string]any{"tag": "state", "vmstate": snapshots, "devices": []string{snapshots}})
	m.job("snapshot-delete", map[string]any{"tag": "state", "devices": []string{snapshots}})
}

// createImage makes an empty image of the only format that holds snapshots.
func (m *Machine) createImage() {
	m.t.Helper()
	const size = 1 << 20 // of the disk that it were; snapshots are beside it, and as large as they are
	file := snapshots + "-file"
	m.job("blockdev-create", map[string]any{"options": map[string]any{"driver": "file", "filename": m.path(file), "size": 0}})
	m.command("blockdev-add", map[string]any{"driver": "file", "node-name": file, "filename": m.path(file)}, nil)
	m.job("blockdev-create", map[string]any{"options": map[string]any{"driver": "qcow2", "file": file, "size": size}})
	m.command("blockdev-add", map[string]any{"driver": "qcow2", "node-name": snapshots, "file": file}, nil)
}

// job has qemu do what takes a while, and waits until it is done.
func (m *Machine) job(name string, arguments map[string]any) {
	m.t.Helper()
	arguments["job-id"] = name
	m.command(name, arguments, nil)
	for end := time.Now().Add(qmpLimit); ; time.Sleep(pollPause) {
		var jobs []struct{ ID, Status, Error string }
		m.command("query-jobs", nil, &jobs)
		switch {
		case len(jobs) == 1 && jobs[0].Status == "concluded" && jobs[0].Error == "":
			m.command("job-dismiss", map[string]any{"id": name}, nil)
			return
		case len(jobs) != 1 || jobs[0].Status == "concluded" || time.Now().After(end):
			m.fatal("%s: %+v", name, jobs)
		}
	}
}
