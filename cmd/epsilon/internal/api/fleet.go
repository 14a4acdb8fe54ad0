package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
)

// Fleet is what a daemon knows of the machines that it compares its clock with.
type Fleet struct {
	fleet.View
	Listen []string

	Probes   Probes
	Requests Requests
}

// FleetSummary is what a report has of it.
type FleetSummary struct {
	Name             string
	Entry            string // of this machine in the list of peers, or its name if it is not known to be there
	Listen           []string
	Machines, Faulty int      // how many there are, this one included, and how many may be wrong
	Peers            []string // all others, by their entries in the list of peers, as in what follows; sorted
	Contradicts      []string // those that this machine has proved edges with, sorted
	Convicted        []string // those that are proved wrong by what this machine knows, itself perhaps; sorted
	TooMany          bool     // more machines are wrong than may be, so nobody is convicted
	Wrong            bool     // this machine is wrong, by its own exchanges or by what others have proved
	Problems         []fleet.Problem
	Probes           Probes
}

// Probes are the requests that this machine has sent.
type Probes struct {
	Answered uint64
	Lost     uint64 // without a reply
	Refused  uint64 // that could not be sent, or whose reply was not believed
}

// Requests are those of others.
type Requests struct {
	Received uint64
	Answered uint64
	Dropped  map[string]uint64 // datagrams that were not believed or not answered, by the reason
}

var errNoFleet = errors.New("this daemon is in no fleet: \"epsilon help config\" says what [fleet] is")

// fleet answers with what is known of the fleet.
func (h reader) fleet(w http.ResponseWriter, _ *http.Request) {
	if f := h.host.Fleet(); f != nil {
		reply(w, http.StatusOK, f)
		return
	}
	reply(w, http.StatusNotFound, Problem{errNoFleet.Error()})
}

// Fleet returns what the daemon knows of its fleet.
func (c *Client) Fleet(ctx context.Context) (Fleet, error) {
	var f struct {
		Fleet
		Problem
	}
	err := c.get(ctx, "/fleet", &f)
	if err == nil && f.Err != "" {
		err = errors.New(f.Err)
	}
	return f.Fleet, err
}
