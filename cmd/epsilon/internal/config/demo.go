package config

import (
	"fmt"

	"github.com/epsilontime/epsilon/internal/demo"
)

// OfDemo is a configuration that asks the servers of the demonstration, every second or two.
func OfDemo(s demo.Servers) *Config {
	text := "[clock]\npoll_min = \"1s\"\npoll_max = \"8s\"\n"
	for _, address := range s.Addresses() {
		text += fmt.Sprintf("[[source]]\nserver = %q\n", address)
	}
	c, err := Parse("the demonstration", []byte(text))
	if err != nil {
		panic(err) // it is our own text
	}
	c.File = ""
	c.Notes = []string{s.Describe()}
	return c
}
