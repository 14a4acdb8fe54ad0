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

// drawn is one transaction in the picture, in milliseconds since the beginning.
type drawn struct {
	Begin, End, Wait float64
	Kind             string
	ID               string
}

// writePage writes the report for a browser: one file that needs no network, and porcupine's beside it.
func writePage(path string, w *work, v judge.Verdict, summary string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	var operations []drawn
	for _, e := range w.recorder.Events() {
		operations = append(operations, drawn{ms(e.Begin), ms(e.End), ms(w.waits[e.ID]), string(e.Kind), e.ID})
	}
	data, err := json.Marshal(map[string]any{"operations": operations, "marks": w.marks, "epsilons": w.epsilons})
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	const picture = "ledger-porcupine.html"
	err = page.Execute(f, map[string]any{"Summary": summary, "Data": template.JS(data), "Violations": v.Violations[:min(50, len(v.Violations))], "Porcupine": picture})
	if err != nil {
		return err
	}
	p, err := os.Create(filepath.Join(filepath.Dir(path), picture))
	if err != nil {
		return err
	}
	defer p.Close()
	return judge.Draw(w.recorder.Events(), p)
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }
