package lease

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFenceAdmitsNoTokenAfterAHigherOne(t *testing.T) {
	f := NewFence(5)
	require.ErrorIs(t, f.Admit(4), ErrStaleToken)
	require.NoError(t, f.Admit(5))
	require.NoError(t, f.Admit(9))
	require.NoError(t, f.Admit(9), "a holder writes more than once")
	err := f.Admit(8)
	require.ErrorIs(t, err, ErrStaleToken)
	require.ErrorContains(t, err, "8 after 9")
	require.Equal(t, Token(9), f.Highest())
}

func TestAWriteWithoutATokenIsToldSo(t *testing.T) {
	for _, f := range []*Fence{new(Fence), NewFence(5)} {
		err := f.Admit(0)
		require.ErrorIs(t, err, ErrStaleToken, "zero is nobody's token")
		require.ErrorContains(t, err, "no token was sent with the write")
		require.NotContains(t, err.Error(), "another has acquired")
	}
}

func TestAdmitIsTheRuleOfAFence(t *testing.T) {
	for highest := range Token(4) {
		for token := range Token(4) {
			err := Admit(highest, token)
			require.Equal(t, token != 0 && token >= highest, err == nil, "%d after %d", token, highest)
			if err != nil {
				require.ErrorIs(t, err, ErrStaleToken)
			}
		}
	}
}

func TestAFenceNeverGoesBackUnderConcurrency(t *testing.T) {
	var f Fence
	var wg sync.WaitGroup
	for offset := range Token(4) {
		wg.Go(func() {
			for i := Token(1); i <= 5000; i++ {
				token := 4*i + offset
				before := f.Highest()
				err := f.Admit(token)
				after := f.Highest()
				if after < before || err == nil && (token < before || after < token) || err != nil && after <= token {
					t.Errorf("token %d: %v, with %d before and %d after", token, err, before, after)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, Token(4*5000+3), f.Highest())
}

func TestAdmittingAndCheckingAllocateNothing(t *testing.T) {
	var f Fence
	var token Token
	require.Zero(t, testing.AllocsPerRun(100, func() {
		token++
		if err := f.Admit(token); err != nil {
			t.Error(err)
		}
	}))
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if err := l.Check(); err != nil {
				t.Error(err)
			}
		}))
	})
}
