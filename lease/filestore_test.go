package lease

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/durable"
)

func fileStore(t *testing.T) (*FileStore, string) {
	directory := t.TempDir()
	store, err := OpenFileStore(directory)
	require.NoError(t, err)
	return store, directory
}

func recordFile(t *testing.T, directory string) string {
	files, err := filepath.Glob(filepath.Join(directory, "*.lease"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	return files[0]
}

func TestAFileThatIsNoRecordIsAClearError(t *testing.T) {
	store, directory := fileStore(t)
	_, err := store.CompareAndSwap(t.Context(), "job", 0, holding(1100).record)
	require.NoError(t, err)
	path := recordFile(t, directory)
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	flipped := append([]byte{}, good...)
	flipped[len(flipped)-10] ^= 1
	named := func(name string, r Record) []byte {
		data, err := r.encode(&name)
		require.NoError(t, err)
		return data
	}
	other, unversioned := named("another name", Record{Version: 1, Token: 1, TTL: 1}), named("job", Record{Token: 1, TTL: 1})
	unnamed, err := Record{Version: 1, Token: 1, TTL: 1}.MarshalBinary()
	require.NoError(t, err)
	bad := map[string][]byte{
		"empty": nil, "foreign": []byte("{}\n"), "one bit": flipped, "of another name": other, "of no name": unnamed, "no version": unversioned,
		"of the next format": []byte("epsilon lease 3 00000000\n{}\n"),
	}
	for n := 1; n < len(good); n += 7 {
		bad[fmt.Sprintf("torn after %d bytes", n)] = good[:n]
	}
	for what, content := range bad {
		require.NoError(t, os.WriteFile(path, content, 0o644))
		_, err := store.Load(t.Context(), "job")
		require.ErrorIs(t, err, ErrCorrupt, what)
		require.ErrorContains(t, err, path, what)
		_, err = store.CompareAndSwap(t.Context(), "job", 1, Record{Token: 9, TTL: 1})
		require.ErrorIs(t, err, ErrCorrupt, what)
		require.NotErrorIs(t, err, ErrConflict, what)
		is, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, len(content), len(is), "%s: it must be left as it is", what)
	}
	require.NoError(t, os.WriteFile(path, good, 0o644))
	_, err = store.Load(t.Context(), "job")
	require.NoError(t, err)
}

// A writer that was killed leaves a file behind that was never put in place.
func TestWhatAKilledWriterLeftBehindIsIgnored(t *testing.T) {
	store, directory := fileStore(t)
	version, err := store.CompareAndSwap(t.Context(), "job", 0, Record{Token: 1, TTL: 1})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(recordFile(t, directory)+".new", []byte("epsilon lease 1 00"), 0o644))
	r, err := store.Load(t.Context(), "job")
	require.NoError(t, err)
	require.Equal(t, Token(1), r.Token)
	_, err = store.CompareAndSwap(t.Context(), "job", version, Record{Token: 2, TTL: 1})
	require.NoError(t, err)
}

func TestWaitingForTheLockEndsWithTheContext(t *testing.T) {
	store, _ := fileStore(t)
	err := store.locked(t.Context(), "job", func(string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := store.CompareAndSwap(ctx, "job", 0, Record{Token: 1, TTL: 1})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, ErrConflict)
		_, err = store.Load(t.Context(), "another name")
		return err // names do not wait for each other
	})
	require.NoError(t, err)
	r, err := store.Load(t.Context(), "job")
	require.NoError(t, err)
	require.Equal(t, Record{}, r)
}

// A change of the working directory would otherwise begin the tokens again.
func TestARelativeDirectoryStaysWhereItWasOpened(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("store", 0o755))
	store, err := OpenFileStore("store")
	require.NoError(t, err)
	_, err = store.CompareAndSwap(t.Context(), "job", 0, Record{Token: 1, TTL: 1})
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("store", 0o755))
	r, err := store.Load(t.Context(), "job")
	require.NoError(t, err)
	require.Equal(t, Token(1), r.Token)
}

// Whoever waits for a lock that is removed does not take the one that nobody else will see.
func TestALockThatWasRemovedWhileItWasWaitedForIsNone(t *testing.T) {
	if !durable.ReplacesWhatIsRead {
		t.Skip("this system does not remove a file that is open")
	}
	store, _ := fileStore(t)
	waiting := make(chan error, 1)
	err := store.locked(t.Context(), "job", func(path string) error {
		go func() {
			waiting <- store.locked(t.Context(), "job", func(string) error {
				if _, err := os.Stat(path + ".lock"); err != nil {
					return err // it is not in place
				}
				if lock, err := durable.TryLock(path + ".lock"); !errors.Is(err, durable.ErrLocked) {
					return fmt.Errorf("somebody else can lock it: %v, %w", lock, err)
				}
				return nil
			})
		}()
		time.Sleep(5 * lockAgain) // it waits by now, or will find the new one: right in any case
		return os.Remove(path + ".lock")
	})
	require.NoError(t, err)
	require.NoError(t, <-waiting)
}

func TestAFileStoreNeedsADirectory(t *testing.T) {
	_, err := OpenFileStore(filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err = OpenFileStore(file)
	require.ErrorContains(t, err, "not a directory")
}

const counterDirectory = "LEASE_TEST_COUNTER_DIRECTORY"

// Four processes count the token of one record up. One of them is killed in the middle of it.
func TestNoUpdateIsLostBetweenProcesses(t *testing.T) {
	const each = 30
	if directory := os.Getenv(counterDirectory); directory != "" {
		store, err := OpenFileStore(directory)
		require.NoError(t, err)
		for counted := 0; counted < each; {
			r, err := store.Load(t.Context(), "job")
			require.NoError(t, err)
			_, err = store.CompareAndSwap(t.Context(), "job", r.Version, Record{Token: r.Token + 1, TTL: 1})
			if errors.Is(err, ErrConflict) {
				continue
			}
			require.NoError(t, err)
			counted++
			fmt.Println("counted")
		}
		return
	}
	store, directory := fileStore(t)
	var victim *exec.Cmd
	var others []*exec.Cmd
	for range 4 {
		c := exec.Command(os.Args[0], "-test.run=^TestNoUpdateIsLostBetweenProcesses$", "-test.count=1")
		c.Env = append(os.Environ(), counterDirectory+"="+directory)
		if victim == nil {
			victim = c
			continue
		}
		others = append(others, c)
		require.NoError(t, c.Start())
	}
	out, err := victim.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, victim.Start())
	confirmed := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "counted" {
			confirmed++
		}
		if confirmed == each/3 {
			_ = victim.Process.Kill()
		}
	}
	_ = victim.Wait()
	for _, c := range others {
		require.NoError(t, c.Wait())
	}
	r, err := store.Load(t.Context(), "job")
	require.NoError(t, err)
	require.GreaterOrEqual(t, int(r.Token), 3*each+confirmed, "a confirmed update was lost")
	require.LessOrEqual(t, int(r.Token), 3*each+confirmed+1, "the killed one was told of all but perhaps its last")
	require.Equal(t, uint64(r.Token), r.Version)
}

// A record that could not be read again would stop the lease for ever.
func TestAFileStoreWritesNoRecordThatItCouldNotRead(t *testing.T) {
	store, _ := fileStore(t)
	version, err := store.CompareAndSwap(t.Context(), "job", 0, Record{Token: 1, TTL: 1})
	require.NoError(t, err)
	_, err = store.CompareAndSwap(t.Context(), "job", version, Record{Token: 2, TTL: 1, Holder: "somebody"})
	require.ErrorIs(t, err, ErrCorrupt)
	r, err := store.Load(t.Context(), "job")
	require.NoError(t, err)
	require.Equal(t, Token(1), r.Token)
}

// A process that was stopped while it had the lock holds up nobody who only looks.
func TestALookDoesNotWaitForTheLock(t *testing.T) {
	if !durable.ReplacesWhatIsRead {
		t.Skip("on this system a look takes the lock")
	}
	store, _ := fileStore(t)
	_, err := store.CompareAndSwap(t.Context(), "job", 0, Record{Token: 7, TTL: 1})
	require.NoError(t, err)
	require.NoError(t, store.locked(t.Context(), "job", func(string) error {
		r, err := store.Load(t.Context(), "job")
		require.Equal(t, Token(7), r.Token)
		return err
	}))
}
