package statuspage

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThePageIsOneDocumentThatAsksNobodyElse(t *testing.T) {
	w := httptest.NewRecorder()
	Handler(&host{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, http.StatusOK, w.Code)
	text := w.Body.String()
	require.NotContains(t, text, "{{")
	for _, reference := range regexp.MustCompile(`(?:src|href)="([^"]*)"|url\(([^)]*)\)|@import|https?://[^ "')]*`).FindAllString(text, -1) {
		switch {
		case strings.HasPrefix(reference, `href="data:`), strings.HasPrefix(reference, "url(#"), strings.HasPrefix(reference, `href="#`), reference == "http://www.w3.org/2000/svg":
		default:
			t.Errorf("it refers to something: %s", reference)
		}
	}
	for _, how := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", " style=", " onclick="} {
		require.NotContains(t, text, how)
	}
}

// The browser runs a style and a script whose hashes it has been told, and nothing else.
func TestThePolicyAllowsWhatIsInTheDocument(t *testing.T) {
	w := httptest.NewRecorder()
	Handler(&host{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	given := w.Header().Get("Content-Security-Policy")
	for kind, pattern := range map[string]string{"script": `(?s)<script>(.*?)</script>`, "style": `(?s)<style>(.*?)</style>`} {
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(w.Body.String(), -1)
		require.Len(t, found, 1, kind)
		require.Contains(t, given, kind+"-src "+hash(found[0][1])+";")
	}
	require.Contains(t, given, "default-src 'none';")
	require.NotContains(t, given, "unsafe")
}

func TestOtherPathsAreNotFound(t *testing.T) {
	for _, path := range []string{"/index.html", "/page.js", "/live/x", "/page/"} {
		w := httptest.NewRecorder()
		Handler(&host{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		require.Equal(t, http.StatusNotFound, w.Code, path)
	}
}

// Text is legible on both backgrounds, in light and in dark: WCAG 2.2, 1.4.3 asks for 4.5 to 1. Where there is no text 3 to 1 do (1.4.11).
func TestTextHasEnoughContrast(t *testing.T) {
	themes := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(file("page.css"), -1)
	require.Len(t, themes, 2)
	for i, theme := range themes {
		colors := map[string]string{}
		for _, found := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(theme[1], -1) {
			colors[found[1]] = found[2]
		}
		for _, background := range []string{"panel", "page"} {
			for name, least := range map[string]float64{"text": 7, "quiet": 4.5, "good": 4.5, "warning": 4.5, "bad": 4.5, "accent": 3, "interval": 3} {
				require.GreaterOrEqual(t, contrast(colors[name], colors[background]), least, "%s on %s, theme %d", name, background, i)
			}
		}
	}
}

func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// luminance is that of WCAG 2.2, "relative luminance".
func luminance(color string) (sum float64) {
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
		if err != nil {
			panic(fmt.Sprintf("%q is no color", color))
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
