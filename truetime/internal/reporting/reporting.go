// Package reporting lets package truetimetest turn an engine's report into the Status that a Clock
// would return. Only package truetime can do that, and its users cannot. It is to truetime and
// truetimetest what log/internal is to log and log/slog.
package reporting

import "github.com/epsilontime/epsilon/truetime/internal/engine"

// Status returns the report as a truetime.Status, with the names of the sources. Package truetime
// sets it.
var Status func(r engine.Report, names []string) any
