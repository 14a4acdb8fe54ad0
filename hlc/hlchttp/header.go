package hlchttp

import (
	"fmt"
	"net/http"

	"github.com/epsilontime/epsilon/hlc"
)

// Header is the name of the header, of requests and of responses. Its value is the text form of a
// [hlc.Timestamp], nanoseconds in decimal.
const Header = "Hlc-Timestamp"

// carried returns the timestamp in header, and false if there is none. Two of them are a mistake,
// since nothing says which one to believe.
func carried(header http.Header, from string) (hlc.Timestamp, bool, error) {
	values := header.Values(Header)
	switch len(values) {
	case 0:
		return 0, false, nil
	case 1:
		timestamp, err := hlc.ParseTimestamp(values[0])
		if err != nil {
			return 0, true, fmt.Errorf("hlchttp: header %s of %q: %w", Header, from, err)
		}
		return timestamp, true, nil
	default:
		return 0, true, fmt.Errorf("hlchttp: header %s of %q: %w: there are %d of them",
			Header, from, hlc.ErrInvalidTimestamp, len(values))
	}
}
