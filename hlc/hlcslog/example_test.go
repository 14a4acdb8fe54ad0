package hlcslog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlcslog"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// A service whose clock is behind writes what it does for another one's request after what that one has written.
func ExampleHandler() {
	noon := truetime.FromStd(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))
	service := func(behind time.Duration) (*hlc.Clock, func(message string) hlc.Timestamp) {
		clock, err := hlc.New(truetimetest.NewManual(noon.Add(-behind), 300*time.Millisecond))
		if err != nil {
			panic(err)
		}
		var written bytes.Buffer
		log := slog.New(hlcslog.Handler(slog.NewJSONHandler(&written, nil), clock))
		return clock, func(message string) (stamp hlc.Timestamp) {
			written.Reset()
			log.Info(message)
			var record struct{ HLC hlc.Timestamp }
			if err := json.Unmarshal(written.Bytes(), &record); err != nil {
				panic(err)
			}
			return record.HLC
		}
	}
	shop, shopLog := service(0)
	bank, bankLog := service(200 * time.Millisecond)

	ordered := shopLog("ordered")
	request, err := shop.Now()
	if err != nil {
		panic(err)
	}
	if _, err := bank.Update(request, "shop"); err != nil {
		panic(err)
	}
	fmt.Println(bankLog("paid").After(ordered))
	// Output: true
}
