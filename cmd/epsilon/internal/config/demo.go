package config

import (
	"fmt"

	"github.com/epsilontime/epsilon/internal/demo"
)

// OfDemo is a configuration that asks the servers of the demonstration, every second or two. Its hypervisor tells of disruptions at
// the path, if that is not empty.
func OfDemo(s demo.Servers, hypervisor string) *Config {
	text := "[clock]\npoll_min = \"1s\"\npoll_max = \"2s\"\n"
	if hypervisor != "" {
		text += fmt.Sprintf("vmclock = %q\n", hypervisor)
	}
	for _, address := range s.Addresses() {
		text += fmt.Sprintf("[[source]]\nserver = %q\n", address)
	}
	c, err := Parse("the demonstration", []byte(text))
	if err != nil {
		panic(err) // it is our own text
	}
	c.File = ""
	c.Demo = true
	c.Notes = []string{s.Describe(), "This is a demonstration. Its answers are for trying it out and for tests, and nothing else may rest on them."}
	return c
}
