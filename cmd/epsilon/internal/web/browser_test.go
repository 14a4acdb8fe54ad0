package web

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/internal/webserver"
)

// chromium is one browser for all tests of the package: it takes a second to start.
var chromium struct {
	once sync.Once
	ctx  context.Context
	stop context.CancelFunc
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if chromium.stop != nil {
		chromium.stop()
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// patience is how long what has to come may take on the slowest machine.
const patience = 90 * time.Second

// page is an open one.
type page struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// open opens a page in a browser. That it has anything to complain of fails the test, but for a server that does not answer: no script can keep
// the browser from saying so.
func open(t *testing.T, url string) *page {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		if os.Getenv("EPSILON_REQUIRE_DAEMONS") != "" {
			t.Fatal("chromium is not installed")
		}
		t.Skip("chromium is not installed")
	}
	chromium.once.Do(func() {
		alloc, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU)...)
		ctx, end := chromedp.NewContext(alloc)
		chromium.ctx, chromium.err = ctx, chromedp.Do(ctx)
		chromium.stop = func() { _ = chromedp.Cancel(ctx); end(); stop() }
	})
	require.NoError(t, chromium.err)
	ctx, end := chromedp.NewContext(chromium.ctx)
	p := &page{t: t}
	var limit context.CancelFunc
	p.ctx, limit = context.WithTimeout(ctx, patience)
	t.Cleanup(func() {
		limit()
		end()
		p.mu.Lock()
		defer p.mu.Unlock()
		require.Empty(t, p.complaints)
	})
	require.NoError(t, chromedp.Do(p.ctx))
	require.NoError(t, chromedp.Listen(p.ctx, p.listen))
	_, err := chromedp.Call(p.ctx, log.Enable, struct{}{})
	require.NoError(t, err)
	p.do(chromedp.Navigate(url))
	return p
}

func (p *page) listen(event any) {
	complaint := ""
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		complaint = fmt.Sprintf("console: %v", e.Type)
	case *runtime.EventExceptionThrown:
		complaint = fmt.Sprintf("exception: %v", e.ExceptionDetails)
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceNetwork && strings.HasSuffix(e.Entry.URL, "/live") {
			return
		}
		complaint = fmt.Sprintf("log: %v %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = append(p.complaints, complaint)
}

func (p *page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Do(p.ctx, steps...))
}

// value is that of an expression.
func value[T any](p *page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	require.NoError(p.t, err, expression)
	return v
}

// until waits until an expression is true.
func (p *page) until(expression string) {
	p.t.Helper()
	_, err := chromedp.Run(p.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(patience)))
	if err != nil {
		text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		require.NoError(p.t, err, "%s\nthe page says: %s", expression, text)
	}
}

// text is an expression for what an element of the page says.
func text(selector string) string {
	return fmt.Sprintf("document.querySelector(%q).textContent", selector)
}

func (p *page) untilSays(selector, words string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%s.includes(%q)", text(selector), words))
}

// look sets the width of the window, and light or dark.
func (p *page) look(width int64, scheme string) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, 900))
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	require.NoError(p.t, err)
}

// picture keeps a screenshot in the directory that EPSILON_SCREENSHOTS names, if it does.
func (p *page) picture(name string) {
	p.t.Helper()
	dir := os.Getenv("EPSILON_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	require.NoError(p.t, err)
	require.NoError(p.t, os.MkdirAll(dir, 0o755))
	require.NoError(p.t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
}

// serve serves a host until the test ends, or stop is called.
func serve(t *testing.T, h Host, at netip.AddrPort) (url string, stop func()) {
	t.Helper()
	listeners, err := webserver.Listen([]netip.AddrPort{at})
	require.NoError(t, err)
	s := webserver.New(listeners, Handler(h, nil))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	stop = sync.OnceFunc(func() {
		require.NoError(t, s.Close())
		require.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	return s.URLs()[0], stop
}

var anyPort = netip.MustParseAddrPort("127.0.0.1:0")
