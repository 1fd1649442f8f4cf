"""A clean Debian in a folder, and copies of it in which packages are installed and programs run."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from report import Skipped, run

SUITE = "bookworm"
# What the package depends on, and systemd: a minimal installation, without compilers and without Swift.
PACKAGES = "ca-certificates,libsqlite3-0,libstdc++6,systemd,zlib1g"
MIRROR = "http://deb.debian.org/debian"
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/tmp",
               "DEBIAN_FRONTEND": "noninteractive", "NO_COLOR": "1"}


def base(folder):
    """The root made by debootstrap, once."""
    if os.geteuid() != 0:
        raise Skipped("a Debian root needs root's rights")
    if not shutil.which("debootstrap"):
        raise Skipped("debootstrap is missing; install it (scripts/setup --tests)")
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        made = run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, folder / "root", MIRROR, ok=None)
        if made.returncode != 0:
            raise Skipped(f"debootstrap made no root:\n{made.stdout[-1000:]}")
        (folder / "complete").touch()
    return folder / "root"


class Root:
    """A copy of the clean Debian, as an overlay that is thrown away. Needs a mount namespace of its own."""

    def __init__(self, lower):
        self.lower = lower

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="simpleai-root-"))
        run("mount", "-t", "tmpfs", "tmpfs", self.folder)
        upper, work, self.path = self.folder / "upper", self.folder / "work", self.folder / "root"
        for part in (upper, work, self.path):
            part.mkdir()
        mounted = run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={self.lower},upperdir={upper},workdir={work}", self.path, ok=None)
        if mounted.returncode != 0:
            shutil.copytree(self.lower, self.path, symlinks=True, dirs_exist_ok=True)
        run("mount", "-t", "proc", "proc", self.path / "proc")
        for device in ("null", "zero", "urandom", "random"):
            target = self.path / "dev" / device
            target.touch()
            run("mount", "--bind", f"/dev/{device}", target)
        return self

    def __exit__(self, *_):
        run("umount", "--recursive", "--lazy", self.folder, ok=None)
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, *command):
        return ["chroot", str(self.path), *map(str, command)]

    def run(self, *command, ok=(0,), **environment):
        return run(*self.command(*command), ok=ok, env={**ENVIRONMENT, **environment})

    def start(self, *command, **options):
        return subprocess.Popen(self.command(*command), stdin=subprocess.DEVNULL, env=ENVIRONMENT, **options)

    def file(self, name):
        return self.path / name.lstrip("/")

    def write(self, name, text, mode=0o644):
        path = self.file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    def install(self, package, ok=(0,)):
        """`dpkg -i`, without a terminal that could answer a question."""
        shutil.copyfile(package, self.path / "package.deb")
        try:
            return self.run("dpkg", "--install", "/package.deb", ok=ok).stdout
        finally:
            (self.path / "package.deb").unlink()

    def listing(self):
        """Every path outside the system's own books, to compare before and after."""
        own = ("proc", "dev", "tmp", "var/lib/dpkg", "var/log", "var/cache", "run", "etc/.pwd.lock", "etc/passwd-", "etc/group-",
               "etc/shadow-", "etc/gshadow-", "etc/ld.so.cache", "etc/subuid-", "etc/subgid-")
        found = set()
        for folder, folders, names in os.walk(self.path):
            relative = os.path.relpath(folder, self.path)
            folders[:] = [name for name in folders if not os.path.normpath(os.path.join(relative, name)).startswith(own)]
            found |= {os.path.normpath(os.path.join(relative, name)) for name in folders + names}
        return {name for name in found if not name.startswith(own)}


def repacked(package, folder, version, edit=None):
    """The same package under another version; `edit` changes its unpacked tree."""
    tree = folder / f"tree-{version}"
    run("dpkg-deb", "--raw-extract", package, tree)
    control = tree / "DEBIAN/control"
    lines = [f"Version: {version}" if line.startswith("Version: ") else line for line in control.read_text().splitlines()]
    control.write_text("\n".join(lines) + "\n")
    if edit:
        edit(tree)
    target = folder / f"simpleai_{version}.deb"
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, target)
    shutil.rmtree(tree)
    return target
