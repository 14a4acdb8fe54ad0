package hlchttp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlchttp"
	"github.com/epsilontime/epsilon/truetime"
)

// intervals trusts the host to be within a millisecond of true time. A real one is a
// truetime.Clock.
type intervals struct{}

func (intervals) Now() (truetime.Interval, error) {
	now := truetime.FromStd(time.Now())
	return truetime.Interval{Earliest: now.Add(-time.Millisecond), Latest: now.Add(time.Millisecond)}, nil
}

// A client that has no clock writes at one server and reads at another, and the other comes after
// the first.
func Example() {
	serve := func() *httptest.Server {
		clock, err := hlc.New(intervals{})
		if err != nil {
			panic(err)
		}
		return httptest.NewServer(hlchttp.Handler(clock, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			received, _ := hlchttp.FromContext(r.Context())
			fmt.Fprint(w, received)
		})))
	}
	first, second := serve(), serve()
	defer first.Close()
	defer second.Close()

	client := http.Client{Transport: hlchttp.Transport(new(hlchttp.Relay), nil)}
	defer client.CloseIdleConnections()
	ask := func(server *httptest.Server) hlc.Timestamp {
		response, err := client.Get(server.URL)
		if err != nil {
			panic(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			panic(err)
		}
		received, err := hlc.ParseTimestamp(string(body))
		if err != nil {
			panic(err)
		}
		return received
	}
	written := ask(first)
	read := ask(second)
	fmt.Println(read.After(written))
	// Output: true
}
