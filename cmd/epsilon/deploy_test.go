package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
)

const deploy = "../../deploy"

func deployed(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deploy, path))
	require.NoError(t, err)
	return text
}

// understood requires that the program has a command with these arguments.
func understood(t testing.TB, args []string) {
	t.Helper()
	require.NotEmpty(t, args)
	command, rest, err := newRoot().Find(args)
	require.NoError(t, err, args)
	require.NoError(t, command.ParseFlags(rest), args)
	require.NoError(t, command.ValidateArgs(command.Flags().Args()), args)
}

func TestConfigurationThatIsDeployedIsGood(t *testing.T) {
	_, err := config.Parse("epsilon.toml", deployed(t, "epsilon.toml"))
	require.NoError(t, err)
}

func TestUnitOfSystemd(t *testing.T) {
	unit := string(deployed(t, "systemd/epsilon.service"))
	options := map[string]string{}
	for line := range strings.Lines(unit) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found && !strings.HasPrefix(line, "#") {
			options[name] = value
		}
	}
	for _, name := range []string{"ExecStart", "ExecReload"} {
		program, args, _ := strings.Cut(options[name], " ")
		require.Equal(t, "/usr/local/bin/epsilon", program)
		understood(t, strings.Fields(args))
	}
	require.Equal(t, filepath.Dir(api.SystemSocket), "/run/"+options["RuntimeDirectory"])
	require.Equal(t, filepath.Dir(config.DefaultPath), "/etc/"+options["ConfigurationDirectory"])
	require.Equal(t, "notify", options["Type"])
	require.Equal(t, "0", options["StartLimitIntervalSec"], "it is started again for as long as it takes")
	require.NotContains(t, options["CapabilityBoundingSet"], "CAP_SYS_TIME")
	require.Contains(t, string(deployed(t, "systemd/epsilon.conf")), "u "+options["User"]+" ")

	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed, so only the text of the unit was tested")
	}
	// The program need not be installed where the test runs.
	path := filepath.Join(t.TempDir(), "epsilon.service")
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(unit, "/usr/local/bin/epsilon", program(t))), 0o644))
	out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for line := range strings.Lines(string(out)) {
		require.NotContains(t, line, "epsilon.service", "what systemd objects to")
	}
}

func program(t testing.TB) string {
	path, err := os.Executable()
	require.NoError(t, err)
	return path
}

// manifest is what of a Kubernetes object is looked at.
type manifest struct {
	Kind string
	Data map[string]string
	Spec struct {
		pod      `yaml:",inline"`
		Template struct{ Spec pod }
	}
}

type pod struct {
	InitContainers []container `yaml:"initContainers"`
	Containers     []container
	Volumes        []struct {
		Name     string
		HostPath *struct{ Path, Type string } `yaml:"hostPath"`
	}
}

type container struct {
	Name, Image    string
	Command, Args  []string
	ReadinessProbe *struct{ Exec struct{ Command []string } } `yaml:"readinessProbe"`
	VolumeMounts   []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
		SubPath   string `yaml:"subPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct{ Drop []string }
	} `yaml:"securityContext"`
}

func manifests(t testing.TB, path string) (all []manifest) {
	decoder := yaml.NewDecoder(bytes.NewReader(deployed(t, path)))
	for {
		var m manifest
		err := decoder.Decode(&m)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, m)
	}
}

// sound requires what every container of ours has to be: without privileges, with commands that there are, and
// with the directory of the clock mounted as a directory.
func sound(t testing.TB, p pod, c container, readOnly bool) {
	t.Helper()
	if len(c.Command) > 0 {
		require.Equal(t, "/epsilon", c.Command[0])
		understood(t, c.Command[1:])
	} else {
		understood(t, c.Args)
	}
	require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
	require.True(t, c.SecurityContext.ReadOnlyRootFilesystem)
	require.Equal(t, []string{"ALL"}, c.SecurityContext.Capabilities.Drop)
	mounted := false
	for _, mount := range c.VolumeMounts {
		for _, volume := range p.Volumes {
			if volume.Name != mount.Name || volume.HostPath == nil || volume.HostPath.Path != filepath.Dir(api.SystemSocket) {
				continue
			}
			mounted = true
			require.Equal(t, volume.HostPath.Path, mount.MountPath)
			require.Empty(t, mount.SubPath, "a file that is mounted stays the old one when the daemon replaces it")
			require.Equal(t, readOnly, mount.ReadOnly)
		}
	}
	require.True(t, mounted, c.Name)
}

func TestManifestsOfKubernetes(t *testing.T) {
	objects := manifests(t, "kubernetes/daemonset.yaml")
	require.Len(t, objects, 2)
	_, err := config.Parse("the ConfigMap", []byte(objects[0].Data["epsilon.toml"]))
	require.NoError(t, err)
	daemon := objects[1].Spec.Template.Spec
	require.Len(t, daemon.Containers, 1)
	sound(t, daemon, daemon.Containers[0], false)
	ready := daemon.Containers[0].ReadinessProbe.Exec.Command
	require.Equal(t, []string{"/epsilon", "wait", "--within"}, ready[:3], "ready is a statement about the bound")
	understood(t, ready[1:])

	objects = manifests(t, "kubernetes/workload.yaml")
	require.Len(t, objects, 1)
	workload := objects[0].Spec.pod
	require.Equal(t, "wait", workload.InitContainers[0].Command[1])
	for _, c := range append(workload.InitContainers, workload.Containers...) {
		sound(t, workload, c, true)
	}
}

const documents = "../../docs"

func document(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(documents, name))
	require.NoError(t, err)
	return string(text)
}
