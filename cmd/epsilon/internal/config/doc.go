// Package config reads the configuration of the daemon: a TOML file in which every key is known, every
// duration has a unit and every source is given once. All mistakes are reported together, each with its
// line. Without a file it takes the servers of the host's chrony configuration.
//
//	user = "epsilon"                 # run as, once everything that takes root is open
//
//	[clock]
//	drift_ppm = 50                   # truetime.WithDrift
//	poll_min = "16s"                 # truetime.WithPoll
//	poll_max = "256s"
//
//	[ready]
//	within = "10ms"                  # the daemon is ready while ε is at most this
//
//	[[source]]
//	server = "ntp1.example.net"      # the kind of the source is the key that names it
//	extra_error = "50us"
//
//	[[source]]
//	nts = "time.example.net"
//
//	[[source]]
//	pool = "2.pool.ntp.example"
//	count = 3
//	group = "the pool"
//
// A key has the name of the option that it sets, and its unit if it is a number: see the tables in
// clock.go and sources.go.
package config
