package judge

import (
	"fmt"
	"io"
	"time"

	"github.com/anishathalye/porcupine"
)

// AccountPromise: each account by itself behaves as if its operations took place one after the
// other, each between its beginning and its end. Timestamps do not come into it.
const AccountPromise = "linearizability of an account"

// input is an operation on one account: a change of its balance, or none for a read.
type input struct {
	id    string
	delta int64
}

var account = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, in, out any) (bool, any) {
		balance := state.(int64) + in.(input).delta
		return balance == out.(int64), balance
	},
	DescribeOperation: func(in, out any) string {
		return fmt.Sprintf("%+d → %d (%s)", in.(input).delta, out, in.(input).id)
	},
	DescribeState: func(state any) string { return fmt.Sprint(state) },
}

// patience is how long porcupine may think about one account.
const patience = time.Minute

// Accounts gives the history of each account to porcupine. A history that it cannot decide in a
// minute counts as broken.
func Accounts(events []Event) (violations []Violation) {
	for name, history := range histories(events) {
		if result := porcupine.CheckOperationsTimeout(account, history, patience); result != porcupine.Ok {
			violations = append(violations, violation(AccountPromise, nil, "%s: %d operations: %s", name, len(history), result))
		}
	}
	return violations
}

// Draw writes porcupine's picture of the account with the most operations.
func Draw(events []Event, w io.Writer) error {
	var longest []porcupine.Operation
	for _, history := range histories(events) {
		if len(history) > len(longest) {
			longest = history
		}
	}
	longest = longest[:min(len(longest), 2000)]
	_, info := porcupine.CheckOperationsVerbose(account, longest, patience)
	return porcupine.Visualize(account, info, w)
}

func histories(events []Event) map[string][]porcupine.Operation {
	histories := make(map[string][]porcupine.Operation)
	for _, e := range events {
		if e.Kind == Snapshot {
			continue // of the past, and so in no order with the present
		}
		for name, balance := range e.Balances {
			histories[name] = append(histories[name], porcupine.Operation{
				Input: input{e.ID, e.Deltas[name]}, Call: int64(e.Begin), Output: balance, Return: int64(e.End),
			})
		}
	}
	return histories
}
