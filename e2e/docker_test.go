package e2e

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
)

// The Dockerfile builds, and the image does its work without a shell, without root, without
// capabilities and on a file system it cannot write to but for its volume.
func TestDockerfile(t *testing.T) {
	if os.Getenv("FAILOVER_DOCKER") != "1" {
		t.Skip("needs a container daemon and some minutes; try: make docker-test")
	}
	l := &lab.Lab{T: t, Dir: t.TempDir()}
	d := startDocker(l)
	d.baseImage()
	const image = "failover:e2e"
	d.must("build", "--network", "host", "--build-arg", "VERSION=1.2.3-e2e", "-t", image, "..")

	if out := d.must("run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", image, "version"); !strings.Contains(out, "1.2.3-e2e") {
		t.Errorf("the image says it is %q", out)
	}
	config := l.Folder("etc")
	if err := os.Chmod(config, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "failover.hcl"), []byte(containerConfig), 0o644); err != nil {
		t.Fatal(err)
	}
	d.must("run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "-v", config+":/etc/failover:ro", image, "validate")

	id := strings.TrimSpace(d.must("run", "-d", "--network", "none", "--read-only", "--cap-drop", "ALL",
		"--health-interval", "1s", "-v", config+":/etc/failover:ro", image))
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(d.must("logs", id))
		}
		d.must("rm", "-f", "-v", id)
	})
	lab.Within(t, time.Minute, "the container is healthy", func() bool {
		return strings.TrimSpace(d.must("inspect", "-f", "{{.State.Health.Status}}", id)) == "healthy"
	})
	if out := d.must("exec", id, "/failover", "status"); !strings.Contains(out, "www") {
		t.Errorf("status in the container:\n%s", out)
	}
}

const containerConfig = `
dns "builtin" "own" {
  zones       = ["example.org"]
  listen      = ["127.0.0.1:5300"]
  nameservers = ["ns1.example.net"]
  records     = ["www 30 IN A 192.0.2.1"]
}
fallback {
  ipv4  = ["127.0.0.1"]
  https = ["127.0.0.1:443"]
  http  = ["127.0.0.1:80"]
}
references { none = true }
site "www" {
  hosts  = ["www.example.org"]
  origin = ["192.0.2.1"]
}
`

// docker is a container daemon, the machine's or one of our own.
type docker struct {
	l   *lab.Lab
	env []string
}

func startDocker(l *lab.Lab) *docker {
	l.T.Helper()
	lab.Need(l.T, "docker")
	d := &docker{l: l, env: os.Environ()}
	if _, err := d.run("info"); err == nil {
		return d
	}
	dockerd := lab.Need(l.T, "dockerd")
	socket := "unix://" + l.Path("docker/docker.sock")
	l.T.Cleanup(func() { // after the daemon's end, which leaves the network namespaces it mounted
		left, _ := filepath.Glob(filepath.Join(l.Dir, "docker/exec/netns/*"))
		for _, mount := range left {
			_ = syscall.Unmount(mount, syscall.MNT_DETACH)
		}
	})
	// No bridge and no rules in the packet filter: the images need no network of their own.
	l.Start("dockerd", exec.Command(dockerd, "-H", socket, "--data-root", l.Path("docker/data"), "--exec-root", l.Path("docker/exec"),
		"-p", l.Path("docker/pid"), "--storage-driver", "overlay2", "--iptables=false", "--ip6tables=false", "--bridge=none"))
	d.env = append(d.env, "DOCKER_HOST="+socket, "DOCKER_BUILDKIT=0")
	lab.Within(l.T, time.Minute, "the container daemon answers", func() bool {
		_, err := d.run("info")
		return err == nil
	})
	return d
}

func (d *docker) run(args ...string) (string, error) {
	cmd := exec.Command("docker", args...)
	cmd.Env = d.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (d *docker) must(args ...string) string {
	d.l.T.Helper()
	out, err := d.run(args...)
	if err != nil {
		d.l.T.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// baseImage makes sure that the image which the Dockerfile builds in is there. Where none can be
// pulled, this machine's Go and shell stand in for it.
func (d *docker) baseImage() {
	t := d.l.T
	t.Helper()
	const base = "golang:1.26"
	if _, err := d.run("image", "inspect", base); err == nil {
		return
	}
	if _, err := d.run("pull", base); err == nil {
		return
	}
	t.Logf("%s cannot be pulled; this machine's Go stands in for it", base)
	cmd := exec.Command("docker", "import", "--change", "ENV PATH=/usr/local/go/bin:/usr/bin:/bin", "--change", "ENV HOME=/root", "-", base)
	cmd.Env = d.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	packErr := packToolchain(stdin)
	stdin.Close()
	if err := cmd.Wait(); err != nil || packErr != nil {
		t.Fatalf("import %s: %v, %v\n%s", base, err, packErr, out.String())
	}
}

// packToolchain writes a root file system with Go, a shell and the roots that TLS needs.
func packToolchain(w io.Writer) error {
	archive := tar.NewWriter(w)
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	if err := packTree(archive, strings.TrimSpace(string(goroot)), "usr/local/go"); err != nil {
		return err
	}
	files := []string{"/bin/sh", "/bin/mkdir", "/etc/ssl/certs/ca-certificates.crt"}
	for _, program := range files[:2] {
		libraries, err := exec.Command("ldd", program).Output()
		if err != nil {
			return err
		}
		for _, word := range strings.Fields(string(libraries)) {
			if strings.HasPrefix(word, "/") {
				files = append(files, word)
			}
		}
	}
	seen := map[string]bool{}
	for _, file := range files {
		if seen[file] {
			continue
		}
		seen[file] = true
		if err := packFile(archive, file, strings.TrimPrefix(file, "/")); err != nil {
			return err
		}
	}
	for _, folder := range []string{"tmp", "root"} {
		if err := archive.WriteHeader(&tar.Header{Name: folder + "/", Typeflag: tar.TypeDir, Mode: 0o1777}); err != nil {
			return err
		}
	}
	return archive.Close()
}

// packTree adds a Go tree without what a build does not read.
func packTree(archive *tar.Writer, root, as string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir() && (rel == "test" || rel == "doc" || rel == "api" || entry.Name() == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() || !entry.Type().IsRegular():
			return nil
		}
		return packFile(archive, path, filepath.Join(as, rel))
	})
}

// packFile adds a file, or what a symbolic link leads to.
func packFile(archive *tar.Writer, path, as string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	header, err := tar.FileInfoHeader(info, "")
	if err != nil {
		return err
	}
	header.Name = as
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(archive, f)
	return err
}
