package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestCgroupRoot(t *testing.T) {
	for file, want := range map[string]string{
		"mountinfo-v2":      "/sys/fs/cgroup",
		"mountinfo-hybrid":  "/sys/fs/cgroup/unified",
		"mountinfo-escaped": "/mnt/a b\tc\nd\\040e",
	} {
		got, err := cgroupRoot("testdata/" + file)
		qt.Check(t, qt.IsNil(err), qt.Commentf("%s", file))
		qt.Check(t, qt.Equals(got, want), qt.Commentf("%s", file))
	}
	_, err := cgroupRoot("testdata/mountinfo-v1")
	qt.Check(t, qt.ErrorMatches(err, "find cgroup2 mount: none in .*: mount it with `mount -t cgroup2 .*`"))
	_, err = cgroupRoot("testdata/none")
	qt.Check(t, qt.ErrorMatches(err, "find cgroup2 mount: open .*"))
}

// TestLongMountinfo: an overlay of many layers makes lines longer than readers
// of lines like to take.
func TestLongMountinfo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mountinfo")
	long := "50 28 0:50 / /var/merged rw - overlay overlay rw,lowerdir=" + strings.Repeat("/var/lib/docker/overlay2/l/ABCDEFGHIJ:", 4000)
	v2, err := os.ReadFile("testdata/mountinfo-v2")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(os.WriteFile(file, append([]byte(long+"\n"), v2...), 0o600)))
	got, err := cgroupRoot(file)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(got, "/sys/fs/cgroup"))
}

// Container ids as they are: 64 hexadecimal digits.
var (
	idA = strings.Repeat("0123456789abcdef", 4)
	idB = "01234567" + strings.Repeat("f", 56) // begins as idA
	idF = "f" + strings.Repeat("0", 63)        // sorts behind "conmon"
)

// TestContainerOfPath has the paths that runtimes make.
func TestContainerOfPath(t *testing.T) {
	for _, test := range []struct{ what, path, want string }{
		{"docker, systemd", "/system.slice/docker-" + idA + ".scope", idA},
		{"docker, cgroupfs", "/docker/" + idA, idA},
		{"docker, init inside", "/docker/" + idA + "/init.scope", idA},
		{"docker, rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + idA + ".scope", idA},
		{"containerd, systemd", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0d9b1a2c_6c1e_4b0f_9d3a_1f2e3d4c5b6a.slice/cri-containerd-" + idA + ".scope", idA},
		{"containerd, systemd in a service", "/system.slice/containerd.service/kubepods-burstable-pod0d9b1a2c_6c1e_4b0f_9d3a_1f2e3d4c5b6a.slice:cri-containerd:" + idA, idA},
		{"kubelet, cgroupfs", "/kubepods/burstable/pod0d9b1a2c-6c1e-4b0f-9d3a-1f2e3d4c5b6a/" + idA, idA},
		{"cri-o, systemd", "/kubepods.slice/kubepods-pod0d9b1a2c.slice/crio-" + idA + ".scope", idA},
		{"cri-o, inside", "/kubepods.slice/kubepods-pod0d9b1a2c.slice/crio-" + idA + ".scope/container", idA},
		{"cri-o, cgroupfs", "/kubepods/besteffort/pod0d9b1a2c/crio-" + idA, idA},
		{"podman", "/machine.slice/libpod-" + idA + ".scope", idA},
		{"podman, inside", "/machine.slice/libpod-" + idA + ".scope/container", idA},
		{"podman, rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + idA + ".scope/container", idA},
		{"podman, quadlet", "/system.slice/web.service/libpod-payload-" + idA, idA},
		{"ecs", "/ecs/0123456789abcdef0123456789abcdef/" + idA, idA},
		{"kind: a node in docker", "/docker/" + idB + "/kubelet.slice/kubelet-kubepods.slice/cri-containerd-" + idA + ".scope", idA},
		{"docker in docker", "/system.slice/docker-" + idB + ".scope/docker/" + idA, idA},

		{"monitor of cri-o", "/kubepods.slice/kubepods-pod0d9b1a2c.slice/crio-conmon-" + idA + ".scope", ""},
		{"monitor of podman", "/machine.slice/libpod-conmon-" + idA + ".scope", ""},
		{"monitor in docker", "/docker/" + idB + "/machine.slice/libpod-conmon-" + idA + ".scope", idB},

		{"root", "/", ""},
		{"nothing", "", ""},
		{"service", "/system.slice/ssh.service", ""},
		{"session", "/user.slice/user-1000.slice/session-3.scope", ""},
		{"pod alone", "/kubepods/burstable/pod0d9b1a2c-6c1e-4b0f-9d3a-1f2e3d4c5b6a", ""},
		{"nspawn", "/machine.slice/systemd-nspawn@trixie.service/payload", ""},
		{"machined", `/machine.slice/machine-qemu\x2d1\x2ddebian.scope`, ""},
		{"lxc", "/lxc.payload.web/init.scope", ""},
		{"lxc monitor", "/lxc.monitor.web", ""},
		{"short", "/docker/" + idA[:63], ""},
		{"long", "/docker/" + idA + "0", ""},
		{"upper case", "/docker/" + strings.ToUpper(idA), ""},
		{"not hexadecimal", "/docker/" + idA[:63] + "g", ""},
		{"outside of the namespace", "/../../docker-" + idA + ".scope", idA},
	} {
		qt.Check(t, qt.Equals(containerOfPath(test.path), test.want), qt.Commentf("%s: %s", test.what, test.path))
	}
}

// cgroups makes a tree of cgroup directories and returns its root.
func cgroups(t *testing.T, paths ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, p := range paths {
		qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Join(root, p), 0o700)))
	}
	return root
}

func TestFindContainer(t *testing.T) {
	root := cgroups(t,
		"system.slice/docker-"+idA+".scope/init.scope",
		"system.slice/ssh.service",
		"kubepods.slice/pod1.slice/cri-containerd-"+idB+".scope/"+idB, // the same again, inside
		"kubepods.slice/pod2.slice/crio-"+idF+".scope/container",
		"kubepods.slice/pod2.slice/crio-conmon-"+idF+".scope")
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(root, "docker-"+strings.Repeat("1", 64)+".scope"), nil, 0o600)))

	for prefix, want := range map[string]string{
		idA:         "system.slice/docker-" + idA + ".scope",
		idA[:12]:    "system.slice/docker-" + idA + ".scope",
		"012345678": "system.slice/docker-" + idA + ".scope",
		"01234567f": "kubepods.slice/pod1.slice/cri-containerd-" + idB + ".scope",
		"f":         "kubepods.slice/pod2.slice/crio-" + idF + ".scope", // and not its monitor
		idF:         "kubepods.slice/pod2.slice/crio-" + idF + ".scope",
	} {
		got, err := findContainer(root, prefix)
		qt.Check(t, qt.IsNil(err), qt.Commentf("%s", prefix))
		qt.Check(t, qt.Equals(got, filepath.Join(root, want)), qt.Commentf("%s", prefix))
	}

	for _, prefix := range []string{"0", "01234567"} {
		_, err := findContainer(root, prefix)
		qt.Check(t, qt.ErrorMatches(err, `container "`+prefix+`" is ambiguous: [0-9a-f]{64} and [0-9a-f]{64}`))
	}
	for _, prefix := range []string{"9", "1", idA + "0", "docker-", "*", "../", "F"} {
		_, err := findContainer(root, prefix)
		qt.Check(t, qt.ErrorMatches(err, `unknown container ".*": no cgroup below .* has an id that begins so`), qt.Commentf("%s", prefix))
	}
	_, err := findContainer(filepath.Join(root, "none"), "0")
	qt.Check(t, qt.ErrorMatches(err, `unknown container .*`))
}

func TestOpenCgroup(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenCgroup(dir)
	qt.Check(t, qt.ErrorMatches(err, `open cgroup .*: not a cgroup v2 directory.*`))
	_, err = OpenCgroup(filepath.Join(dir, "none"))
	qt.Check(t, qt.ErrorMatches(err, `open cgroup: .*: no such file or directory`))
	_, err = OpenCgroup("/proc/self/cgroup")
	qt.Check(t, qt.ErrorMatches(err, `open cgroup: .*: not a directory`))

	root, err := CgroupRoot()
	if err != nil {
		t.Skip("no cgroup v2 hierarchy is mounted here")
	}
	f, err := OpenCgroup(root)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(f.Close()))
}

// containerOfPath goes up a cgroup's path as container_walk does in the kernel.
func containerOfPath(path string) string {
	for path != "/" && path != "." && path != "" {
		if id := ContainerID(filepath.Base(path)); id != "" {
			return id
		}
		path = filepath.Dir(path)
	}
	return ""
}
