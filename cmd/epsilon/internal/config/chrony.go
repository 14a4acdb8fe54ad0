package config

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ptpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// ChronyPaths is where Debian and its kin, and the others, have chrony's configuration.
var ChronyPaths = []string{"/etc/chrony/chrony.conf", "/etc/chrony.conf"}

// Limits of what is read of it.
const (
	maxChronyDepth   = 10 // of include; chronyd has the same (MAX_INCLUDE_LEVEL, conf.c)
	maxChronyFiles   = 256
	maxChronySources = 64
)

// FromChrony takes over the servers that chronyd is configured for: its directives server, pool and
// peer, in the file, in what it includes, and in the directories of confdir and sourcedir (chrony.conf(5)).
// Of their options nts, port, ntsport and maxsources count. A server that chronyd may not select, or corrects by
// hand, gets no vote. Options that would give one server more to say than another have no effect here: each has
// one vote. Reference clocks cannot be taken over. Notes says all of this. Everything else that the file has is
// about steering the clock.
func FromChrony(path string) (*Config, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, explain(path, err)
	}
	r := chronyReader{config: defaults(path), seen: map[string]bool{}}
	if err := r.file(path, 0); err != nil {
		return nil, explain(path, err)
	}
	if len(r.config.Sources) == 0 {
		return nil, fmt.Errorf("%s names no server that could be asked: write %s", path, DefaultPath)
	}
	return r.config, nil
}

type chronyReader struct {
	config *Config
	seen   map[string]bool // the names of sources
	files  int
}

func (r *chronyReader) note(format string, values ...any) {
	const most = 100
	if len(r.config.Notes) < most {
		r.config.Notes = append(r.config.Notes, fmt.Sprintf(format, values...))
	}
}

func (r *chronyReader) file(path string, depth int) error {
	r.files++
	if depth > maxChronyDepth || r.files > maxChronyFiles {
		return fmt.Errorf("%s: it includes more files, or deeper, than chronyd would read", path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return fmt.Errorf("%s: it is no file with a configuration", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxFile)
	for lines.Scan() {
		if err := r.directive(lines.Text(), path, depth); err != nil {
			return err
		}
	}
	return lines.Err()
}

// directive reads one line. chronyd tells apart no case of letters in a directive, and takes !, ;, # and
// % at the beginning for a comment.
func (r *chronyReader) directive(line, path string, depth int) error {
	words := strings.Fields(line)
	if len(words) == 0 || strings.ContainsAny(words[0][:1], "!;#%") {
		return nil
	}
	switch directive := strings.ToLower(words[0]); directive {
	case "server", "peer", "pool":
		if len(words) > 1 {
			r.source(directive, words[1], words[2:])
		}
	case "refclock":
		r.note("%s: the reference clock %q is left out: name its device in %s", path, clip(strings.Join(words[1:], " ")), DefaultPath)
	case "include":
		if len(words) > 1 {
			matches, _ := filepath.Glob(words[1])
			return r.all(matches, depth)
		}
	case "confdir", "sourcedir":
		suffix := map[string]string{"confdir": "*.conf", "sourcedir": "*.sources"}[directive]
		return r.all(directories(words[1:], suffix), depth)
	}
	return nil
}

// directories returns the files of several directories in the order of their names, each name from the
// first directory that has it.
func directories(dirs []string, pattern string) (paths []string) {
	byName := map[string]string{}
	for _, dir := range dirs {
		matches, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, match := range matches {
			if _, found := byName[filepath.Base(match)]; !found {
				byName[filepath.Base(match)] = match
			}
		}
	}
	for _, path := range byName {
		paths = append(paths, path)
	}
	slices.SortFunc(paths, func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) })
	return paths
}

func (r *chronyReader) all(paths []string, depth int) error {
	for _, path := range paths {
		err := r.file(path, depth+1)
		switch {
		case errors.Is(err, fs.ErrPermission):
			r.note("%s: no permission to read it", path)
		case err != nil:
			return err
		}
	}
	return nil
}

// source adds a server, or several of a pool.
func (r *chronyReader) source(directive, address string, words []string) {
	o := chronyOptions{port: "123", count: defaultPool}
	o.read(words)
	if o.excluded != "" {
		r.note("%s %s is left out: chronyd %s; name it in %s if it is to have a vote", directive, clip(address), o.excluded, DefaultPath)
		return
	}
	for _, option := range o.ignored {
		r.note("%s %s: the option %s has no effect: here %s; write %s if it is not to be so", directive, clip(address), option, ignoredOptions[option], DefaultPath)
	}
	host := address
	if port := o.portOf(); port != "" {
		host = join(address, port)
	}
	s := Source{Kind: "server", Address: host}
	switch {
	case o.nts:
		// chronyd would check a pool's servers by the name of the pool as well, so one source is as good.
		s.Kind = "nts"
		s.make = single(func() truetime.Source { return ntpsrc.NTS(host) })
	case directive == "pool":
		s.Kind = "pool"
		s.make = func(*ptpsrc.Port) []truetime.Source { return ntpsrc.Pool(host, o.count) }
	default:
		s.make = single(func() truetime.Source { return ntpsrc.Server(host) })
	}
	for _, source := range s.Make(nil) {
		info := source.Info()
		switch {
		case info.Err != nil:
			r.note("%s %s is left out: %v", directive, clip(address), info.Err)
			return
		case r.seen[info.Name]:
			r.note("%s %s is left out: it is given more than once", directive, clip(address))
			return
		case len(r.seen) >= maxChronySources:
			r.note("%s %s is left out: there are more than %d", directive, clip(address), maxChronySources)
			return
		}
		r.seen[info.Name] = true
	}
	r.config.Sources = append(r.config.Sources, s)
	r.config.identity += fmt.Sprintf("%s %q %d\n", s.Kind, s.Address, o.count)
}

type chronyOptions struct {
	nts           bool
	port, ntsPort string
	count         int
	excluded      string   // why the server may have no vote
	ignored       []string // of ignoredOptions
}

// ignoredOptions are those that change whom chronyd believes, and what is done in their place.
var ignoredOptions = map[string]string{
	"prefer":  "every server has one vote",
	"trust":   "every server has one vote, and can be outvoted",
	"require": "there is an answer without this server, too",
	"offline": "it is asked from the start",
}

func (o *chronyOptions) read(words []string) {
	for i, word := range words {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch strings.ToLower(word) {
		case "nts":
			o.nts = true
		case "port":
			o.port = next
		case "ntsport":
			o.ntsPort = next
		case "maxsources":
			if n, err := strconv.Atoi(next); err == nil {
				o.count = n
			}
		case "noselect":
			o.excluded = "may not select it (noselect)"
		case "offset":
			if correction, err := strconv.ParseFloat(next, 64); err != nil || correction != 0 {
				o.excluded = "corrects what it says (offset)"
			}
		default:
			if option := strings.ToLower(word); ignoredOptions[option] != "" && !slices.Contains(o.ignored, option) {
				o.ignored = append(o.ignored, option)
			}
		}
	}
}

// portOf returns the port to ask at, empty for the usual one.
func (o *chronyOptions) portOf() string {
	if o.nts {
		return o.ntsPort
	}
	if o.port == "123" {
		return ""
	}
	return o.port
}

// join puts a port behind an address as it is in chrony's file, where IPv6 has no brackets.
func join(address, port string) string {
	if strings.Contains(address, ":") {
		return "[" + address + "]:" + port
	}
	return address + ":" + port
}
