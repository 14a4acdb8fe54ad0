package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
	"github.com/epsilontime/epsilon/internal/statuspage"
)

func TestTheFleetIsReadAsAtTheSocket(t *testing.T) {
	h := &host{}
	w := ask(Handler(h, nil), http.MethodGet, "/fleet")
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Contains(t, w.Body.String(), "this daemon is in no fleet")

	h.begin(convicted())
	w = ask(Handler(h, nil), http.MethodGet, "/fleet")
	require.Equal(t, http.StatusOK, w.Code)
	var f api.Fleet
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &f))
	require.Equal(t, *h.fleet, f)
	require.NotEqual(t, http.StatusOK, ask(Handler(h, nil), http.MethodPost, "/fleet").Code)
}

func TestWithoutAFleetThereIsNone(t *testing.T) {
	require.Nil(t, FleetOf(nil))
	url, _ := serve(t, &host{status: ordinary()}, anyPort)
	p := open(t, url)
	p.untilSays("#link", "Live")
	require.True(t, value[bool](p, "document.getElementById('fleet').hidden"))
	require.NotContains(t, value[string](p, "document.body.innerText"), "Fleet")
}

func TestAConvictedMachineIsNamedWithItsReasonUntilItIsWell(t *testing.T) {
	h := &host{}
	h.begin(machines(3))
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.untilSays("#fleet-state", "✓ No two are known to contradict each other")
	require.Equal(t, "3 machines, of which f = 1 may be wrong; 2 of 2 others answer", value[string](p, text("#fleet-facts")))
	require.Empty(t, value[[]string](p, wrongOnes))
	require.NotContains(t, value[string](p, text("#spoken")), "Fleet")

	change := func(all []scripted) { h.set(func(h *host) { h.fleet = seen(all) }) }
	change(convicted())
	p.untilSays("#fleet-state", "✗ db-2.example.net:4461 is proved wrong")
	require.Contains(t, value[string](p, text("#fleet-problems .bad")), "its clock contradicts those of db-1.example.net:4461 and db-3.example.net:4461, which are more than the 1 that may be wrong")
	require.Equal(t, []string{"db-2.example.net:4461"}, value[[]string](p, wrongOnes))
	require.Contains(t, value[string](p, text("#members .row.bad")), "✗ proved wrong")
	require.Contains(t, value[string](p, text("#members .row.bad")), "+249 ms ▶")
	require.Contains(t, value[string](p, text("#spoken")), "Fleet: db-2.example.net:4461 is proved wrong.")
	require.Equal(t, "proved contradiction, by both, 0 ms ago: db-2.example.net:4461 is at least 249 ms ahead of db-1.example.net:4461", value[string](p, cell(0, 1)))
	require.Contains(t, value[string](p, cell(0, 2)), "agree: both could be right")
	require.True(t, value[bool](p, "document.getElementById('accused').hidden"))

	change(machines(3))
	p.until("document.querySelectorAll('#matrix .proved, #matrix .told, #members .bad, #fleet-problems li').length === 0")
	require.Empty(t, value[[]string](p, wrongOnes))
	require.NotContains(t, value[string](p, text("#spoken")), "Fleet")

	h.set(func(h *host) { h.fleet = nil })
	p.until("document.getElementById('fleet').hidden")
}

// wrongOnes are the machines of the matrix that are convicted.
const wrongOnes = `[...document.querySelectorAll("#matrix tr.bad .entry")].map((e) => e.textContent)`

// cell is what that of two machines says, going by their places.
func cell(row, column int) string {
	return fmt.Sprintf("document.querySelectorAll('#matrix tbody tr')[%d].querySelectorAll('td')[%d].querySelector('.unseen').textContent", row, column)
}

func TestTheMatrixSaysOfEachPairWhatIsKnown(t *testing.T) {
	h := &host{}
	all := partition()
	all[1].forgesAgains = []int{4}
	h.begin(all)
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.untilSays("#fleet-state", "✗ 3 machines are proved wrong")
	require.Equal(t, 10, value[int](p, "document.querySelectorAll('#matrix thead th[scope=col]').length - 1"))
	require.Equal(t, 10, value[int](p, "document.querySelectorAll('#matrix tbody th[scope=row]').length"))
	require.Empty(t, value[[]string](p, `[...document.querySelectorAll("#matrix td .unseen, #matrix thead th")].filter((e) => e.textContent === "").map((e) => e.outerHTML)`))
	require.Equal(t, []string{"db-1.example.net:4461", "db-2.example.net:4461"}, value[[]string](p, `[...document.querySelectorAll("#matrix .entry")].slice(0, 2).map((e) => e.textContent)`))
	require.Equal(t, "db-10.example.net:4461", value[string](p, `[...document.querySelectorAll("#matrix .entry")][9].textContent`), "by the number in the name")
	for at, want := range map[[2]int]string{
		{0, 0}: "the same machine",
		{0, 3}: "not compared lately",
		{3, 0}: "not compared lately",
		{0, 6}: "not compared lately",
		{1, 6}: "no contradiction is reported",
		{1, 4}: "proved contradiction, by db-2.example.net:4461, 1 s ago: db-5.example.net:4461 is at least 1 h 0 min ahead of db-2.example.net:4461",
		{2, 5}: "no contradiction is reported",
	} {
		require.Equal(t, want, value[string](p, cell(at[0], at[1])), "%v", at)
	}
	kind := func(row, column int) string {
		return value[string](p, fmt.Sprintf("document.querySelectorAll('#matrix tbody tr')[%d].querySelectorAll('td')[%d].className", row, column))
	}
	require.Equal(t, []string{"proved", "told", "proved", "agrees"}, []string{kind(1, 4), kind(4, 1), kind(2, 1), kind(0, 7)})
	require.Contains(t, value[string](p, text("#members")), "does not answer: does its daemon run")
	require.Contains(t, value[string](p, text("#members")), "counts 9 machines")
	require.Contains(t, value[string](p, text("#members")), "its clock has no answer")
}

func TestOfALargeFleetThereIsAListInPlaceOfAMatrix(t *testing.T) {
	h := &host{}
	h.begin(large())
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.untilSays("#fleet-state", "✗ 31 machines are proved wrong")
	require.True(t, value[bool](p, "document.getElementById('matrix-side').hidden"))
	require.Equal(t, 31, value[int](p, "document.querySelectorAll('#accused-list tbody tr.bad').length"))
	require.Contains(t, value[string](p, "[...document.querySelectorAll('#accused-list tr')].find((r) => r.textContent.startsWith('db-78.')).innerText"), "and 95 more")
	require.Contains(t, value[string](p, text("#fleet-problems")), "and 27 more: /fleet has all")
	require.Equal(t, 101, value[int](p, "document.querySelectorAll('#members .row').length"))

	h.set(func(h *host) { h.fleet = seen(machines(100)) })
	p.until("document.getElementById('accused-side').hidden")
	h.set(func(h *host) { h.fleet = seen(machines(3)) })
	p.until("!document.getElementById('matrix-side').hidden && document.querySelectorAll('#matrix tbody tr').length === 3")
}

// However large a fleet is and however it contradicts itself, a message fits into what a browser is sent each second, and counts what it leaves out.
func TestWhatIsSentOfAFleetIsBounded(t *testing.T) {
	all := machines(250)
	for i := range all {
		if i%2 == 1 {
			all[i].ahead = time.Second
		}
	}
	f := FleetOf(seen(all))
	require.Len(t, f.Members, statuspage.MaxMembers)
	require.True(t, f.Members[0].Self)
	require.Equal(t, 250-statuspage.MaxMembers, f.MembersLeftOut)
	require.Equal(t, 249, f.Answering)
	require.Nil(t, f.Edges)
	require.LessOrEqual(t, len(f.Problems), statuspage.MaxFleetProblems)
	text, err := json.Marshal(f)
	require.NoError(t, err)
	require.Less(t, len(text), 128<<10)

	small := FleetOf(seen(all[:statuspage.MaxMatrix]))
	require.Len(t, small.Members, statuspage.MaxMatrix)
	require.Len(t, small.Edges, 24*12, "12 are on each side, and both machines of a pair have proved it")
}

// An offset of long ago is not drawn beside those of now.
func TestWhatWasComparedLongAgoHasNoOffset(t *testing.T) {
	f := seen(machines(3))
	f.Peers[1].Compared = 2 * fleet.Memory
	h := &host{status: ordinary(), fleet: f}
	require.Nil(t, FleetOf(f).Members[1].Offset)
	require.NotNil(t, FleetOf(f).Members[2].Offset)
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.untilSays("#members", "not compared lately")
	require.Contains(t, value[string](p, "document.querySelectorAll('#members .row:not(.clock)')[1].textContent"), "2.00 h")
	require.Contains(t, value[string](p, "document.querySelectorAll('#members .row:not(.clock)')[1].querySelector('[role=img]').getAttribute('aria-label')"), "not compared lately")
}

func TestWhereTooManyAreWrongNobodyIsNamed(t *testing.T) {
	h := &host{}
	h.begin(tooMany())
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.untilSays("#fleet-state", "✗ More machines are wrong than may be")
	require.Contains(t, value[string](p, text("#fleet-problems .bad")), "so nobody can say which")
	require.Empty(t, value[[]string](p, wrongOnes))
	require.Equal(t, 0, value[int](p, "document.querySelectorAll('#members .bad').length"))
}

func TestAMachineThatIsWrongSaysSoAtTheTop(t *testing.T) {
	h := &host{}
	h.begin(selfWrong())
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.untilSays("#fleet-state", "✗ This machine's clock is wrong")
	require.Contains(t, value[string](p, "document.getElementById('accused').innerText"), "Unless more than 3 of the fleet's machines are wrong, this one's clock is")
	require.Contains(t, value[string](p, text("#spoken")), "Fleet: This machine's clock is wrong.")
	require.Contains(t, value[string](p, text("#members .clock")), "this machine, proved wrong")
	require.Equal(t, 1, value[int](p, "document.querySelectorAll('#members .bad').length"), "its own finding accuses nobody else")
}

func TestWhatMachinesCallThemselvesIsText(t *testing.T) {
	h := &host{}
	h.begin(hostileFleet())
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.untilSays("#fleet-state", "xxx:4461 is proved wrong")
	require.Contains(t, value[string](p, text("#matrix")), hostileName)
	require.False(t, value[bool](p, "'pwned' in window || document.querySelector('main img, main script') !== null"))
	require.NotContains(t, value[string](p, "document.getElementById('fleet').textContent + [...document.querySelectorAll('#fleet [title]')].map((e) => e.title).join()"), "\u202e")
}

func TestTheFleetCanBeUsedByKeyboard(t *testing.T) {
	h := &host{}
	h.begin(partition())
	happen(h)
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.look(400, "light")
	p.untilSays("#fleet-state", "proved wrong")
	var order []string
	for range 4 {
		p.do(chromedp.KeyEvent(kb.Tab))
		order = append(order, value[string](p, "document.activeElement.id"))
		require.NotEqual(t, "none", value[string](p, "getComputedStyle(document.activeElement.closest('.chart') || document.activeElement).outlineStyle"), "the focus is seen")
	}
	require.Equal(t, []string{"look", "matrix-box", "members-box", "events"}, order)
	require.True(t, value[bool](p, "(() => { const b = document.getElementById('matrix-box'); return b.scrollWidth > b.clientWidth && b.getBoundingClientRect().right <= innerWidth; })()"), "it scrolls in its own box")
	p.do(chromedp.Focus(chromedp.CSS("#matrix-box")), chromedp.KeyEvent(kb.ArrowRight))
	p.until("document.getElementById('matrix-box').scrollLeft > 0")
}
