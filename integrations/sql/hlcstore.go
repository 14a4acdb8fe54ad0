package epsilonsql

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/epsilontime/epsilon/hlc"
)

// HLCStore is an [hlc.Store] in a row of the table epsilon_hlc.
//
// Load takes the row over: it writes a new session into it, in one step with reading the bound. Each
// Save is one UPDATE with the session and a number, and the database carries it out only if the row still
// has that session and a lower number. So a Save that was given up, by this process or by one before it,
// and that the server comes to only after a later Save or Load, changes nothing.
//
// It also means that two clocks on one row cannot issue the same timestamps: as soon as the second has
// loaded, the first cannot extend its bound, and its Saves return an error that wraps [hlc.ErrInUse].
// The second begins after the last bound of the first. This is no lock that would keep the second away:
// whoever comes last has the row.
type HLCStore struct {
	db      *sql.DB
	dialect Dialect
	name    string

	load, insert, take, save string

	mu       sync.Mutex
	session  []byte // nil before the first Load
	sequence int64  // of the last Save that was begun
}

var _ hlc.Store = (*HLCStore)(nil)

// NewHLCStore returns a store in the row of that name, which is that of the clock: one for each process
// that issues timestamps. The row need not be there, the tables have to be when the store is used, see
// [CreateTables]. The database stays open when the store is not used any more.
func NewHLCStore(db *sql.DB, dialect Dialect, name string) (*HLCStore, error) {
	err := dialect.check(db)
	if name == "" {
		err = errors.Join(err, errors.New("epsilonsql: the clock has no name"))
	}
	if err = errors.Join(err, fits(name)); err != nil {
		return nil, err
	}
	const where = " WHERE name = ? AND session = ? AND sequence "
	return &HLCStore{
		db: db, dialect: dialect, name: name,
		load:   dialect.bind("SELECT bound, session, sequence FROM " + hlcTable + " WHERE name = ?"),
		insert: dialect.insertNew(hlcTable, "name, bound, session, sequence"),
		take:   dialect.bind("UPDATE " + hlcTable + " SET session = ?, sequence = 0" + where + "= ?"),
		save:   dialect.bind("UPDATE " + hlcTable + " SET bound = ?, sequence = ?" + where + "< ?"),
	}, nil
}

// takeAttempts bounds how often Load begins again because somebody else has changed the row between its
// look and its grasp.
const takeAttempts = 20

const sessionSize = 16

// Load takes the row over and returns the bound. Whoever had it before can save no more. To look at the
// bound of a running clock, read the table.
func (s *HLCStore) Load(ctx context.Context) (hlc.Timestamp, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takeLocked(ctx)
}

func (s *HLCStore) takeLocked(ctx context.Context) (hlc.Timestamp, error) {
	session := make([]byte, sessionSize)
	rand.Read(session) // never fails
	for range takeAttempts {
		bound, taken, err := s.tryTake(ctx, session)
		if err != nil {
			return 0, s.failed(err)
		}
		if taken {
			s.session, s.sequence = session, 0
			return bound, nil
		}
	}
	return 0, fmt.Errorf("%w: others take over the clock %.80q all the time", hlc.ErrInUse, s.name)
}

// tryTake writes session into the row, if that is as it was read. A request that was given up and is
// carried out later finds another session, and does nothing.
func (s *HLCStore) tryTake(ctx context.Context, session []byte) (bound hlc.Timestamp, taken bool, err error) {
	row, err := s.read(ctx)
	var rows int64
	switch {
	case errors.Is(err, sql.ErrNoRows):
		rows, err = affectOnce(ctx, s.db, s.insert, []byte(s.name), 0, session, 0)
	case err == nil:
		rows, err = affectOnce(ctx, s.db, s.take, session, []byte(s.name), row.session, row.sequence)
	}
	return hlc.Timestamp(row.bound), rows == 1, err
}

type hlcRow struct {
	bound, sequence int64
	session         []byte
}

func (s *HLCStore) read(ctx context.Context) (row hlcRow, err error) {
	err = s.db.QueryRowContext(ctx, s.load, []byte(s.name)).Scan(&row.bound, &row.session, &row.sequence)
	if err == nil && (row.bound < 0 || len(row.session) != sessionSize || row.sequence < 0) {
		err = fmt.Errorf("%w: row of %.80q in %s: bound %d, session of %d bytes, sequence %d",
			hlc.ErrCorrupt, s.name, hlcTable, row.bound, len(row.session), row.sequence)
	}
	return row, err
}

// Save implements [hlc.Store]. Without a Load before it takes the row over as Load does.
func (s *HLCStore) Save(ctx context.Context, bound hlc.Timestamp) error {
	if !bound.Valid() {
		return fmt.Errorf("%w: %d is not above zero", hlc.ErrInvalidTimestamp, int64(bound))
	}
	session, sequence, err := s.number(ctx)
	if err != nil {
		return err
	}
	rows, err := affectOnce(ctx, s.db, s.save, int64(bound), sequence, []byte(s.name), session, sequence)
	switch {
	case err != nil:
		return s.failed(err)
	case rows == 0:
		return s.refused(ctx, session)
	}
	return nil
}

// number returns the session and the number of the next Save.
func (s *HLCStore) number(ctx context.Context) ([]byte, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil {
		if _, err := s.takeLocked(ctx); err != nil {
			return nil, 0, err
		}
	}
	s.sequence++
	return s.session, s.sequence, nil
}

// refused says why a Save has found no row.
func (s *HLCStore) refused(ctx context.Context, session []byte) error {
	row, err := s.read(ctx)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%w: somebody has deleted the row of the clock %.80q in %s", hlc.ErrCorrupt, s.name, hlcTable)
	case err != nil:
		return s.failed(err)
	case bytes.Equal(row.session, session):
		return s.failed(errors.New("a later Save was there first"))
	}
	return fmt.Errorf("%w: another process has loaded the bound of the clock %.80q since, and this one may issue no more timestamps",
		hlc.ErrInUse, s.name)
}

func (s *HLCStore) failed(err error) error {
	return fmt.Errorf("epsilonsql: bound of the clock %.80q: %w", s.name, s.dialect.explain(err))
}
