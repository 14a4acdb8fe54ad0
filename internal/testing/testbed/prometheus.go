package testbed

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// Prometheus is one Prometheus server on a loopback TCP port, with a storage of its own.
type Prometheus struct {
	t       testing.TB
	address string
	process *process
}

// listening is what Prometheus logs once it has the port that the system gave it.
var listening = regexp.MustCompile(`msg="Listening on".* address=(127\.0\.0\.1:\d+)`)

// StartPrometheus starts a Prometheus with this configuration, in YAML, and waits until it is ready. The
// paths in the configuration have to be absolute.
func StartPrometheus(t testing.TB, configuration string) *Prometheus {
	t.Helper()
	RequireBinary(t, "prometheus")
	path, err := findBinary("prometheus")
	if err != nil {
		t.Fatalf("testbed: %v", err)
	}
	directory := t.TempDir()
	file := filepath.Join(directory, "prometheus.yaml")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatalf("testbed: %v", err)
	}
	run, err := startProcess(filepath.Join(directory, "prometheus.output"), nil, path,
		"--config.file="+file,
		"--storage.tsdb.path="+filepath.Join(directory, "data"),
		"--web.listen-address=127.0.0.1:0",
		"--log.format=logfmt", // which listening is written for
	)
	if err != nil {
		t.Fatalf("testbed: %v", err)
	}
	p := &Prometheus{t: t, process: run}
	t.Cleanup(p.stop)
	if err := p.waitReady(time.Now().Add(startLimit)); err != nil {
		t.Fatalf("testbed: start prometheus: %v; it was run as %s", err, run.output())
	}
	return p
}

func (p *Prometheus) stop() {
	p.t.Helper()
	if p.process.exited() {
		p.t.Errorf("testbed: prometheus at %s died before it was stopped: %s", p.address, p.process.output())
	}
	p.process.stop(stopLimit)
}

func (p *Prometheus) waitReady(deadline time.Time) error {
	for {
		err := p.ready()
		if p.process.exited() {
			return errDied
		}
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not ready after %v: %w", startLimit, err)
		}
		time.Sleep(retryPause)
	}
}

func (p *Prometheus) ready() error {
	output, err := os.ReadFile(p.process.outputPath)
	if err != nil {
		return err
	}
	found := listening.FindSubmatch(output)
	if found == nil {
		return errors.New("it has not said where it listens")
	}
	p.address = string(found[1])
	return p.get("/-/ready", nil, nil)
}

// Series is what a query has found of one series.
type Series struct {
	Labels  map[string]string
	Samples []PrometheusSample // one where the query is for one moment
}

// PrometheusSample is the value of a series at one moment.
type PrometheusSample struct {
	At    time.Time // to the millisecond, as Prometheus keeps it
	Value float64
}

// Query evaluates an expression at this moment. One that selects a range returns the samples in it as they
// were scraped.
func (p *Prometheus) Query(expression string) ([]Series, error) {
	return p.query("/api/v1/query", url.Values{"query": {expression}})
}

// QueryRange evaluates an expression at steps, as for a graph.
func (p *Prometheus) QueryRange(expression string, from, to time.Time, step time.Duration) ([]Series, error) {
	seconds := func(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }
	return p.query("/api/v1/query_range", url.Values{
		"query": {expression}, "start": {seconds(from)}, "end": {seconds(to)}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	})
}

func (p *Prometheus) query(path string, parameters url.Values) ([]Series, error) {
	var reply struct {
		Data struct {
			ResultType string
			Result     []struct {
				Metric map[string]string
				Value  *apiSample
				Values []apiSample
			}
		}
	}
	if err := p.get(path, parameters, &reply); err != nil {
		return nil, fmt.Errorf("prometheus: %s: %w", parameters.Get("query"), err)
	}
	all := make([]Series, len(reply.Data.Result))
	for i, r := range reply.Data.Result {
		all[i].Labels = r.Metric
		if r.Value != nil {
			r.Values = append(r.Values, *r.Value)
		}
		for _, sample := range r.Values {
			all[i].Samples = append(all[i].Samples, PrometheusSample(sample))
		}
	}
	return all, nil
}

// apiSample is a sample as the API has it: [seconds, "value"].
type apiSample PrometheusSample

func (s *apiSample) UnmarshalJSON(text []byte) error {
	var value string
	var seconds float64
	if err := json.Unmarshal(text, &[]any{&seconds, &value}); err != nil {
		return err
	}
	s.At = time.UnixMilli(int64(seconds*1000 + 0.5))
	var err error
	s.Value, err = strconv.ParseFloat(value, 64)
	return err
}

// get asks the API. The connection is not kept, so that no goroutine remains.
func (p *Prometheus) get(path string, parameters url.Values, into any) error {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: startLimit}
	reply, err := client.Get("http://" + p.address + path + "?" + parameters.Encode())
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		var why struct{ Error string }
		_ = json.NewDecoder(reply.Body).Decode(&why) // of no interest where there is none
		return fmt.Errorf("%s %s", reply.Status, why.Error)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(reply.Body).Decode(into)
}
