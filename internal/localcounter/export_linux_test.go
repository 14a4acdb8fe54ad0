package localcounter

// RequireHardware is for benchmarks of what stands on this package.
var RequireHardware = requireHardware
