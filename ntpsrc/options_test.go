package ntpsrc

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a constructor takes is what its sources have a use for: the compiler refuses the rest.
func TestOptionsFitTheirConstructors(t *testing.T) {
	takes := map[string]reflect.Type{
		"Kernel": reflect.TypeFor[Option](),
		"Chrony": reflect.TypeFor[ChronyOption](),
		"Server": reflect.TypeFor[ServerOption](),
		"Pool":   reflect.TypeFor[PoolOption](),
		"NTS":    reflect.TypeFor[NTSOption](),
	}
	every, network := []string{"Chrony", "Kernel", "NTS", "Pool", "Server"}, []string{"NTS", "Pool", "Server"}
	butKernel := []string{"Chrony", "NTS", "Pool", "Server"}
	for _, c := range []struct {
		option any
		fits   []string
	}{
		{WithMaxDelay, every}, {WithMaxRootDistance, every}, {WithExtraError, every}, {WithScale, every},
		{WithMaxStratum, butKernel}, {WithMaxReferenceAge, butKernel}, {WithLocalReference, butKernel},
		{WithoutKernelStamps, network}, {WithPortForwarding, network}, {WithPrivate, network},
		{WithDistance, []string{"NTS", "Server"}}, {WithMinDelay, []string{"NTS", "Server"}},
		{WithReplaceAfter, []string{"Pool"}}, {WithTLSConfig, []string{"NTS"}},
	} {
		var fits []string
		for name, option := range takes {
			if reflect.TypeOf(c.option).Out(0).Implements(option) {
				fits = append(fits, name)
			}
		}
		require.ElementsMatch(t, c.fits, fits, "%T", c.option)
	}
}
