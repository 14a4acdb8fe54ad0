package main

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"os"
	"path/filepath"
	"time"

	"github.com/epsilontime/epsilon/examples/ledger/judge"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// drawn is one operation in the picture, in milliseconds since the beginning.
type drawn struct {
	Begin, End, Wait float64
	At, Epsilon      float64 // of a write: the commit timestamp, and the uncertainty when it was taken
	Kind             string
	ID               string
}

// picture is what the page draws.
func picture(w *work) map[string]any {
	w.mu.Lock()
	defer w.mu.Unlock()
	operations, marks, epsilons := []drawn{}, []any{}, []any{}
	for _, e := range w.recorder.Events() {
		s := w.spent[e.ID]
		at := time.Duration(e.Timestamp - w.began.UnixNano())
		operations = append(operations, drawn{ms(e.Begin), ms(e.End), ms(s.waited), ms(at), ms(s.epsilon), string(e.Kind), e.ID})
	}
	for _, m := range w.marks {
		marks = append(marks, map[string]any{"At": ms(m.At), "Text": m.Text})
	}
	for _, e := range w.epsilons {
		epsilons = append(epsilons, map[string]any{"At": ms(e.At), "Node": e.Node, "Is": ms(e.Is)})
	}
	return map[string]any{"operations": operations, "marks": marks, "epsilons": epsilons}
}

// writePage writes the report for a browser: one file that needs no network, and porcupine's beside
// it.
func writePage(path string, w *work, v judge.Verdict, summary string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	data, err := json.Marshal(picture(w))
	if err != nil {
		return err
	}
	type promise struct {
		Name  string
		Count int
	}
	var promises []promise
	for _, name := range promised {
		promises = append(promises, promise{name, v.Count(name)})
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	const drawing = "ledger-porcupine.html"
	err = page.Execute(f, map[string]any{"Summary": summary, "Data": template.JS(data), "Violations": v.Violations[:min(10, len(v.Violations))], "Porcupine": drawing, "Promises": promises})
	if err != nil {
		return err
	}
	p, err := os.Create(filepath.Join(filepath.Dir(path), drawing))
	if err != nil {
		return err
	}
	defer p.Close()
	return judge.Draw(w.recorder.Events(), p)
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }
