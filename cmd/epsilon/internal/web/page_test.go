package web

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func TestALiarIsNamedWithItsReasonForAsLongAsItLies(t *testing.T) {
	h := &host{status: ordinary(), past: minutes(90)}
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.untilSays("#state", "Synchronized")
	p.untilSays("#epsilon", "± 412 µs")
	p.untilSays("#link", "Live")
	require.Equal(t, 0, value[int](p, "document.querySelectorAll('.row.bad').length"))

	h.set(func(h *host) { h.status = lying() })
	h.Publish(truetime.Event{Kind: truetime.EventVerdict, Source: "ntp2.example.net", Verdict: truetime.Falseticker})
	p.untilSays("#sources", "✗ falseticker")
	bad := value[string](p, "[...document.querySelectorAll('.row.bad')].map((r) => r.textContent).join()")
	require.Contains(t, bad, "ntp2.example.net")
	require.Contains(t, bad, "its interval excludes what the others agree on, and is 249 ms ahead of it.")
	require.Contains(t, bad, "+250 ms ▶", "it is out of the picture")
	p.untilSays("#spoken", "ntp2.example.net is falseticker.")
	p.until(text("#events li:first-child") + ".includes('source ntp2.example.net is falseticker')")

	h.set(func(h *host) { h.status = ordinary() })
	p.until("document.querySelectorAll('.row.bad').length === 0")
	p.until("!" + text("#spoken") + ".includes('ntp2')")
}

func TestADaemonThatIsGoneIsNotShownAsPresent(t *testing.T) {
	h := &host{status: ordinary(), past: minutes(300)}
	url, stop := serve(t, h, anyPort)
	p := open(t, url)
	p.until(present)
	stop()
	p.untilSays("#notice", "The daemon has not answered since ")
	gone(p)
	p.picture("gone-1400-light")

	h.set(func(h *host) { h.status = lying() })
	at, err := netip.ParseAddrPort(strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	require.NoError(t, err)
	serve(t, h, at)
	p.untilSays("#sources", "falseticker")
	p.until(present)
}

// present is true of a page that shows what is present. A machine that is stopped for long enough makes it false for a moment.
const present = `!document.body.classList.contains("stale") && document.getElementById("notice").hidden && document.getElementById("link").textContent === "Live"`

// gone is what a page looks like whose daemon does not answer.
func gone(p *page) {
	p.t.Helper()
	require.True(p.t, value[bool](p, "document.body.classList.contains('stale')"))
	require.False(p.t, value[bool](p, "document.getElementById('notice').hidden"))
	require.Equal(p.t, "grayscale(1)", value[string](p, "getComputedStyle(document.querySelector('main')).filter"))
	require.Contains(p.t, value[string](p, "document.title"), "No answer")
	require.Contains(p.t, value[string](p, text("#link")), "No answer for ")
	require.Equal(p.t, "The daemon does not answer.", value[string](p, text("#spoken")))
}

// A daemon that is stopped holds its connections and says nothing.
func TestADaemonThatIsStuckIsNotShownAsPresent(t *testing.T) {
	h := &host{status: ordinary()}
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.until(present)
	stuck := make(chan struct{})
	h.set(func(h *host) { h.stuck = stuck })
	p.untilSays("#notice", "The daemon has not answered since ")
	gone(p)
	h.set(func(h *host) { h.stuck = nil })
	close(stuck)
	p.until(present)
}

// What lies about on its way, as in a slow tunnel, is as old when it comes as the daemon's uptime in it says.
func TestWhatComesLateIsNotShownAsPresent(t *testing.T) {
	h := &host{status: ordinary()}
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.until(present)
	h.set(func(h *host) { h.behind = 6 * time.Second })
	p.untilSays("#notice", "The daemon has not answered since ")
	require.True(t, value[bool](p, "document.body.classList.contains('stale')"))
	require.NotEqual(t, "Live", value[string](p, text("#link")))
	h.set(func(h *host) { h.behind = 0 })
	p.until(present)
}

// An interval that is wider than max_uncertainty is shown, and is not an answer.
func TestAClockThatRefusesHasNoAnswer(t *testing.T) {
	h := &host{status: ordinary()}
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.untilSays("#epsilon", "± 412 µs")
	h.set(func(h *host) { h.status.Err = truetime.ErrUncertaintyTooLarge })
	p.untilSays("#epsilon", "no answer")
	require.Contains(t, value[string](p, "document.title"), "No answer")
	require.Contains(t, value[string](p, text("#answer")), "There is no answer: ")
	require.NotContains(t, value[string](p, text("#ends")), "Earliest")
	require.Equal(t, "Why ε is 412 µs", value[string](p, text("#why-title")))
}

// A page that is open for long keeps what matters.
func TestPollsThatFailPushNothingOutOfAnOpenPage(t *testing.T) {
	h := &host{status: ordinary()}
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.until(present)
	h.Publish(truetime.Event{Kind: truetime.EventDisruption, Epoch: 2, Reason: "a suspend"})
	p.untilSays("#events", "a suspend")
	for i := range 220 { // fewer at once than a stream may be behind by
		h.Publish(truetime.Event{Kind: truetime.EventPollFailed, Source: fmt.Sprint("away-", i), Err: truetime.ErrUnusable})
	}
	p.untilSays("#events", "away-219")
	require.Equal(t, 200, value[int](p, "document.querySelectorAll('#events li').length"))
	require.Contains(t, value[string](p, text("#events")), "a suspend")
	require.NotContains(t, value[string](p, text("#events")), "away-1:")
}

func TestAPageWithoutADaemonSaysSo(t *testing.T) {
	h := &host{status: ordinary(), stuck: make(chan struct{})}
	url, _ := serve(t, h, anyPort)
	t.Cleanup(func() { close(h.stuck) })
	p := open(t, url)
	p.untilSays("#notice", "The daemon does not answer. This page asks it again and again.")
	require.Equal(t, "–", value[string](p, text("#epsilon")))
	p.picture("never-1400-light")
}

// scenes are states of a daemon that the page has to show.
var scenes = map[string]func(*host){
	"ordinary":  func(h *host) { h.status, h.past = ordinary(), minutes(600) },
	"lying":     func(h *host) { h.status, h.past = lying(), minutes(120) },
	"troubled":  func(h *host) { h.status, h.past = troubled(), minutes(600) },
	"silent":    func(h *host) { h.status, h.past = silent(), make([]truetime.Budget, 40) },
	"beginning": func(h *host) { h.status = silent() },
	"hostile":   func(h *host) { h.status, h.past = hostile(), minutes(45) },
	"many":      func(h *host) { h.status, h.past = many(), minutes(600) },
	"none":      func(h *host) { h.status = truetime.Status{} },

	"fleet-well":      func(h *host) { h.begin(machines(5)) },
	"fleet-convicted": func(h *host) { h.begin(convicted()) },
	"fleet-partition": func(h *host) { h.begin(partition()) },
	"fleet-large":     func(h *host) { h.begin(large()) },
	"fleet-too-many":  func(h *host) { h.begin(tooMany()) },
	"fleet-self":      func(h *host) { h.begin(selfWrong()) },
	"fleet-hostile":   func(h *host) { h.begin(hostileFleet()) },
	"fleet-beginning": func(h *host) { h.begin(beginning()) },
}

func TestEverySceneFitsIntoEveryWindow(t *testing.T) {
	for name, scene := range scenes {
		t.Run(name, func(t *testing.T) {
			h := &host{}
			scene(h)
			happen(h)
			url, _ := serve(t, h, anyPort)
			p := open(t, url)
			p.until(present)
			for _, width := range []int64{400, 700, 1000, 1400} {
				for _, scheme := range []string{"dark", "light"} {
					p.look(width, scheme)
					p.picture(fmt.Sprintf("%s-%d-%s", name, width, scheme))
				}
				require.LessOrEqual(t, value[int](p, "document.documentElement.scrollWidth"), value[int](p, "document.documentElement.clientWidth"), width)
				require.Empty(t, value[[]string](p, overflowing), width)
			}
			require.Empty(t, value[[]string](p, unsaid))
			require.False(t, value[bool](p, "'pwned' in window || document.querySelector('main img, main script') !== null"))
			require.NotContains(t, value[string](p, "document.body.innerText"), "NaN")
			require.NotContains(t, value[string](p, "document.body.innerText"), "undefined")
		})
	}
}

// happen has events happen, of all kinds.
func happen(h *host) {
	h.mu.Lock()
	status := h.status
	h.mu.Unlock()
	for i, s := range status.Sources {
		h.Publish(truetime.Event{Kind: truetime.EventVerdict, Source: s.Name, Verdict: s.Verdict, Err: s.Err})
		if i%3 == 0 {
			h.Publish(truetime.Event{Kind: truetime.EventPollFailed, Source: s.Name, Err: truetime.ErrUnusable})
		}
	}
	h.Publish(truetime.Event{Kind: truetime.EventState, State: status.State, Epoch: 1})
	if status.Disruption != "" {
		h.Publish(truetime.Event{Kind: truetime.EventDisruption, Epoch: 2, Reason: status.Disruption})
	}
}

// overflowing are the elements whose content is wider than they are, or that are cut off by the window. What is for screen readers alone is small on
// purpose, the name of a host is cut with an ellipsis, and tables scroll within their own boxes.
const overflowing = `[...document.querySelectorAll("main *, header *, .notice")].filter((e) => {
	if (e.closest(".unseen, svg, [hidden], .drawing, .scrolls table") || e.id === "host" || e.clientWidth === 0 || getComputedStyle(e).clipPath !== "none") return false;
	const box = e.getBoundingClientRect();
	return e.scrollWidth > e.clientWidth + 1 && !e.matches(".scrolls") || box.right > innerWidth + 1 || box.left < -1;
}).map((e) => e.tagName + "#" + e.id + "." + e.className + ": " + e.scrollWidth + " in " + e.clientWidth + ", right " + e.getBoundingClientRect().right + e.textContent.slice(0, 30))`

// unsaid are the drawings without words for those who cannot see them.
const unsaid = `[...document.querySelectorAll("[role=img]")].filter((e) => !e.closest("[hidden]") && !(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby")))
	.map((e) => e.outerHTML.slice(0, 80))`

func TestThePageCanBeUsedByKeyboard(t *testing.T) {
	h := &host{status: lying(), past: minutes(120)}
	happen(h)
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.look(1400, "light")
	p.until(present)
	var order []string
	for range 2 {
		p.do(chromedp.KeyEvent(kb.Tab))
		order = append(order, value[string](p, "document.activeElement.id"))
		require.NotEqual(t, "none", value[string](p, "getComputedStyle(document.activeElement.closest('.chart') || document.activeElement).outlineStyle"), "the focus is seen")
	}
	require.Equal(t, []string{"look", "events"}, order)

	p.do(chromedp.Focus(chromedp.CSS("#look")), chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowLeft))
	p.untilSays("#read", "s ago: ε ")
	require.Contains(t, value[string](p, "document.getElementById('look').getAttribute('aria-valuetext')"), "2 s ago: ε ")
	p.do(chromedp.KeyEvent(kb.Escape))
	p.untilSays("#read", "Largest: ")
}

func TestOfASecondItsPartsCanBeRead(t *testing.T) {
	h := &host{status: ordinary(), past: minutes(60)}
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.look(1400, "dark")
	p.until(present)
	box := value[[]float64](p, "(() => { const b = document.getElementById('chart').getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; })()")
	p.do(chromedp.MouseEvent("mouseMoved", box[0]+box[2]/2, box[1]+box[3]/2))
	p.untilSays("#read", " delay + ")
	require.NotNil(t, value[any](p, "document.querySelector('#chart .cursor') && 1"))
	p.picture("second-1400-dark")
}

// The words for who cannot see the page stay the same while nothing happens, so that nobody has to listen to each second.
func TestScreenReadersAreNotToldEverySecond(t *testing.T) {
	h := &host{status: ordinary()}
	url, _ := serve(t, h, anyPort)
	p := open(t, url)
	p.untilSays("#spoken", "Synchronized.")
	said := value[string](p, `(() => {
		const spoken = document.getElementById("spoken");
		window.told = [];
		new MutationObserver(() => window.told.push(spoken.textContent)).observe(spoken, {childList: true, characterData: true, subtree: true});
		return spoken.textContent;
	})()`)
	for i := range 3 {
		h.set(func(h *host) {
			h.status.Uncertainty += time.Duration(i+1) * us
			h.status.Budget.Drift += time.Duration(i+1) * us
			h.past = append(h.past, h.status.Budget)
		})
		p.untilSays("#epsilon", strings.Replace(fmt.Sprintf("± %v", h.Status().Uncertainty), "µs", " µs", 1))
	}
	for _, told := range value[[]string](p, "window.told") {
		require.Contains(t, []string{said, "The daemon does not answer."}, told, "the latter where the machine stood still")
	}
	h.set(func(h *host) { h.status = silent() })
	p.untilSays("#spoken", "Not synchronized. There is no answer")
}
