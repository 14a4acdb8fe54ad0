package lease

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func interval(earliest, latest truetime.Time) truetime.Interval {
	return truetime.Interval{Earliest: earliest, Latest: latest}
}

func holding(expiry truetime.Time) *protocol {
	session := Session{1}
	return &protocol{holder: "a", session: session, ttl: 100, known: true, record: Record{
		Version: 5, Holder: "a", Session: session, Token: 3, Expiry: expiry, TTL: 100,
	}}
}

// A timestamp right below the old expiry may have been issued already.
func TestARenewalNeverLowersTheExpiry(t *testing.T) {
	p := holding(1100)
	require.Equal(t, done, p.renew(interval(1000, 1050)).verb, "the same")
	require.Equal(t, done, p.renew(interval(990, 1090)).verb, "lower: the interval has become wider")
	require.Equal(t, truetime.Time(1101), p.renew(interval(1001, 1050)).next.Expiry)
}

func TestARenewalWhoseReplyIsLostIsNotBelievedUntilTheRecordSaysSo(t *testing.T) {
	p := holding(1100)
	a := p.renew(interval(1050, 1060))
	require.Equal(t, swap, a.verb)
	p.swapped(a.next, 0, errors.New("lost"))
	require.Equal(t, truetime.Time(1100), p.expiry())
	require.Equal(t, load, p.renew(interval(1070, 1080)).verb)

	granted := a.next
	granted.Version = 6
	require.NoError(t, p.loaded(granted, nil))
	require.Equal(t, truetime.Time(1150), p.expiry())
}

func TestARenewalEndsTheLeaseWhenItHasExpiredOrIsAnothers(t *testing.T) {
	p := holding(1100)
	require.Equal(t, swap, p.renew(interval(1090, 1110)).verb, "uncertain: the store decides")
	require.ErrorIs(t, p.renew(interval(1101, 1110)).err, ErrExpired)
	p.record.Session = Session{2}
	require.ErrorIs(t, p.renew(interval(1000, 1010)).err, ErrLost)
}

func TestAnAcquisitionThatTookTooLongIsNotALease(t *testing.T) {
	p := holding(1100)
	require.Equal(t, done, p.acquire(interval(1080, 1099)).verb)
	require.Equal(t, wait, p.acquire(interval(1090, 1100)).verb)
	again := p.acquire(interval(1101, 1110))
	require.Equal(t, Token(4), again.next.Token)
}

// The same name does not get a lease back: the process before may live on.
func TestTheSameHolderWaitsLikeAnyOther(t *testing.T) {
	p := &protocol{holder: "a", session: Session{2}, ttl: 100, known: true, record: holding(1100).record}
	require.Equal(t, wait, p.acquire(interval(1095, 1099)).verb)
	a := p.acquire(interval(1101, 1120))
	require.Equal(t, Token(4), a.next.Token)
	require.Equal(t, truetime.Time(1201), a.next.Expiry, "from Earliest")
}

func TestARecordFromTheFutureIsAnErrorAndNotAWait(t *testing.T) {
	p := &protocol{holder: "b", session: Session{2}, ttl: 100, known: true, record: holding(1200).record}
	require.Equal(t, wait, p.acquire(interval(1000, 1100)).verb, "a correct clock can have written it")
	a := p.acquire(interval(1000, 1099))
	require.ErrorIs(t, a.err, ErrFromFuture)
	require.ErrorContains(t, a.err, `"a"`)
}

func TestTimestampsGrowAndStayInsideTheLease(t *testing.T) {
	for _, c := range []struct {
		latest, expiry, last, want truetime.Time
		ok                         bool
	}{
		{1000, 1100, 0, 1000, true},
		{1000, 1100, 999, 1000, true},
		{1000, 1100, 1000, 1001, true},
		{1000, 1100, 1050, 1051, true},
		{1000, 1100, 1098, 1099, true},
		{1000, 1100, 1099, 1100, false}, // Held, and no timestamp is left
		{1100, 1100, 0, 1100, false},    // not Held
	} {
		got, ok := timestamp(interval(900, c.latest), c.expiry, c.last)
		require.Equal(t, c.ok, ok, "%+v", c)
		require.Equal(t, c.want, got, "%+v", c)
	}
}

// impossible makes a good record one that nobody can have written.
var impossible = map[string]func(*Record){
	"no token":           func(r *Record) { r.Token = 0 },
	"the last token":     func(r *Record) { r.Token = maxToken },
	"no ttl":             func(r *Record) { r.TTL = 0 },
	"a ttl of a year":    func(r *Record) { r.TTL = 365 * 24 * time.Hour },
	"no session":         func(r *Record) { r.Session = Session{} },
	"no expiry":          func(r *Record) { r.Expiry = 0 },
	"session, no holder": func(r *Record) { r.Holder = "" },
}

func TestRecordsThatNobodyCanHaveWrittenAreCorrupt(t *testing.T) {
	good := holding(1100).record
	require.NoError(t, good.validate())
	require.NoError(t, Record{}.validate())
	require.NoError(t, Record{Version: 1, Token: 1, TTL: time.Second}.validate())
	spoils := maps.Clone(impossible)
	spoils["no version"] = func(r *Record) { r.Version = 0 }
	for name, spoil := range spoils {
		r := good
		spoil(&r)
		require.ErrorIs(t, r.validate(), ErrCorrupt, name)
		require.ErrorIs(t, new(protocol).loaded(r, nil), ErrCorrupt, name)
	}
	last := &protocol{session: Session{1}, ttl: 1, known: true, record: Record{Version: 1, Token: maxToken - 1, TTL: 1}}
	require.ErrorIs(t, last.acquire(interval(1, 1)).err, ErrCorrupt, "there is no next token")
}
