package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/epsilontime/epsilon/lease"
)

// Remote is an engine in another process: the disk that the nodes of a cluster share, so that a
// leader which is paused or dead does not take the data with it.
type Remote struct {
	url    string
	client *http.Client
}

// NewRemote returns the engine that Handler serves at the URL.
func NewRemote(url string) *Remote {
	return &Remote{url: url, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
}

// Read implements Engine.
func (r *Remote) Read(ctx context.Context, ranges ...Range) (found [][]Pair, err error) {
	return found, r.post(ctx, "/read", ranges, &found)
}

// Apply implements Engine.
func (r *Remote) Apply(ctx context.Context, batch Batch) error {
	return r.post(ctx, "/apply", batch, nil)
}

// Leases implements Engine.
func (r *Remote) Leases() lease.Store { return leases{r} }

// Close implements Engine.
func (r *Remote) Close() error {
	r.client.CloseIdleConnections()
	return nil
}

func (r *Remote) post(ctx context.Context, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := r.client.Do(request)
	if err != nil {
		return fmt.Errorf("engine: the store at %s does not answer: %w", r.url, err)
	}
	defer response.Body.Close()
	reply, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return fmt.Errorf("engine: the store at %s: %w", r.url, err)
	case response.StatusCode == http.StatusPreconditionFailed:
		return fmt.Errorf("%w, says the store at %s", ErrConflict, r.url)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("engine: the store at %s: %s: %.200s", r.url, response.Status, reply)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(reply, answer)
}

// Handler serves an engine to Remote.
func Handler(e Engine) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /read", func(w http.ResponseWriter, r *http.Request) {
		var ranges []Range
		if err := json.NewDecoder(r.Body).Decode(&ranges); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		found, err := e.Read(r.Context(), ranges...)
		reply(w, found, err)
	})
	mux.HandleFunc("POST /apply", func(w http.ResponseWriter, r *http.Request) {
		var batch Batch
		if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if slices.Contains(batch.Delete, "") || slices.ContainsFunc(batch.Put, func(p Pair) bool { return p.Key == "" }) {
			http.Error(w, "a batch writes the empty key, which no engine has: give every pair a key", http.StatusBadRequest)
			return
		}
		reply(w, struct{}{}, e.Apply(r.Context(), batch))
	})
	return mux
}

func reply(w http.ResponseWriter, answer any, err error) {
	switch {
	case errors.Is(err, ErrConflict):
		http.Error(w, err.Error(), http.StatusPreconditionFailed)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer) // the client is gone
	}
}
