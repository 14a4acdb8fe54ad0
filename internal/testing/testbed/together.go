package testbed

import "flag"

// RunTogether lets so many tests that call t.Parallel run at once that are not a matter of
// processors: tests of daemons mostly wait for them. A -parallel on the command line is heeded. It
// is for a package's TestMain.
func RunTogether() {
	flag.Parse()
	const parallel = "test.parallel"
	told := false
	flag.Visit(func(f *flag.Flag) { told = told || f.Name == parallel })
	if !told {
		_ = flag.Set(parallel, "6") // it is a flag of package testing, and takes numbers
	}
}
