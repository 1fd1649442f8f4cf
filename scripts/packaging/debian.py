"""The Debian package: control files computed from the program, and `dpkg-deb` without times and owners of the build machine."""

import email.utils
import gzip
import hashlib
import os
import re
import shutil

import elf
import versions
from staging import PackagingError, run

# Each library that the program may need: Debian's package.
LIBRARIES = {
    "libc.so.6": "libc6", "libm.so.6": "libc6", "ld-linux-x86-64.so.2": "libc6", "ld-linux-aarch64.so.1": "libc6",
    "libgcc_s.so.1": "libgcc-s1", "libstdc++.so.6": "libstdc++6", "libsqlite3.so.0": "libsqlite3-0", "libz.so.1": "zlib1g",
}
# Symbols of these have no versions: the oldest version whose functions the program calls.
OLDEST = {"libsqlite3-0": "3.20.0", "zlib1g": "1:1.2.0"}
# The first GCC whose libstdc++ has these symbols. https://gcc.gnu.org/onlinedocs/libstdc++/manual/abi.html
GCC_OF_GLIBCXX = {"3.4.29": "11", "3.4.30": "12", "3.4.31": "13", "3.4.32": "13", "3.4.33": "14", "3.4.34": "15"}
CONFIGURATION = ["/etc/simpleai/runner.yaml", "/etc/simpleai/simpleai.yaml"]
APACHE_LICENCE = "/usr/share/common-licenses/Apache-2.0"
SCRIPTS = ["preinst", "postinst", "prerm", "postrm"]


def depends(program):
    """The field Depends of a program: exactly the libraries that its loader looks for, each with the version that it needs."""
    needed = {}
    for library in program.needed:
        if library not in LIBRARIES:
            raise PackagingError(f"the program is linked with {library}; add its Debian package to scripts/packaging/debian.py")
        needed.setdefault(LIBRARIES[library], set()).update(program.versions.get(library, set()))
    return ", ".join(f"{package} (>= {oldest})" if oldest else package
                     for package, oldest in sorted((package, oldest_version(package, symbols)) for package, symbols in needed.items()))


def oldest_version(package, symbols):
    if package == "libc6":
        return elf.newest(symbols, "GLIBC")
    if package == "libgcc-s1":
        return elf.newest(symbols, "GCC")
    if package == "libstdc++6":
        number = elf.newest(symbols, "GLIBCXX")
        if number and number.startswith("3.4.") and number not in GCC_OF_GLIBCXX and int(number[4:]) > 28:
            raise PackagingError(f"the program needs GLIBCXX_{number}; add its GCC to scripts/packaging/debian.py")
        return GCC_OF_GLIBCXX.get(number, "5")
    return OLDEST.get(package)


def control(program, version, size, maintainer):
    return f"""Package: simpleai
Version: {versions.debian(version)}
Architecture: {elf.DEBIAN_ARCHITECTURES[program.machine]}
Maintainer: {maintainer}
Installed-Size: {size}
Depends: {depends(program)}
Recommends: ca-certificates
Suggests: ethtool, libpq5, polkitd, tzdata
Section: net
Priority: optional
Description: gateway for language models on machines that may sleep
 SimpleAI turns a handful of machines with GPUs into one endpoint for the APIs
 of OpenAI, Anthropic and Ollama. The gateway authenticates callers (OpenID
 Connect or API keys), chooses a machine that has the model and a free slot,
 and wakes a machine that sleeps. The runner agent registers a machine with the
 gateway, and puts it to sleep again. An acceptance suite tests any deployment
 from outside.
"""


def changelog(version, time, maintainer):
    return (f"simpleai ({versions.debian(version)}) unstable; urgency=medium\n\n  * Changes for operators: "
            f"/usr/share/doc/simpleai/NEWS.gz\n\n -- {maintainer}  {email.utils.formatdate(time)}\n")


def compressed(text):
    return gzip.compress(text.encode(), mtime=0)


def build(root, staged, folder, program, version, time, maintainer, notices):
    """Builds the package from a staged installation; `folder` is empty and becomes the root of the package."""
    shutil.copytree(staged, folder / "usr", symlinks=True)
    documents = folder / "usr/share/doc/simpleai"
    (documents / "LICENSE").unlink()  # part of the copyright file
    (documents / "copyright").write_text(notices, encoding="utf-8")
    (documents / "changelog.gz").write_bytes(compressed(changelog(version, time, maintainer)))
    overrides = folder / "usr/share/lintian/overrides/simpleai"
    overrides.parent.mkdir(parents=True)
    shutil.copyfile(root / "deploy/debian/lintian-overrides", overrides)
    bash = folder / "usr/share/bash-completion/completions/simpleai"
    bash.write_bytes(re.sub(rb"\A#!.*\n", b"", bash.read_bytes()))  # the shell sources it
    settings = folder / "etc/simpleai"
    settings.mkdir(parents=True)
    for name in CONFIGURATION:
        shutil.copyfile(root / "deploy" / name[1:].replace("simpleai/", "", 1), folder / name[1:])
    size = sum(1 if path.is_symlink() or path.is_dir() else -(-path.stat().st_size // 1024) for path in folder.rglob("*"))
    meta = folder / "DEBIAN"
    meta.mkdir()
    (meta / "control").write_text(control(program, version, size, maintainer), encoding="utf-8")
    (meta / "conffiles").write_text("".join(name + "\n" for name in CONFIGURATION))
    (meta / "md5sums").write_text("".join(sums(folder)))
    for script in SCRIPTS:
        shutil.copyfile(root / "deploy/debian" / script, meta / script)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            runs = path.is_dir() or path.parent == meta and path.name in SCRIPTS or path == folder / "usr/bin/simpleai"
            path.chmod(0o755 if runs else 0o644)
    folder.chmod(0o755)


def sums(folder):
    """MD5 because the format of packages asks for it; SHA256SUMS protects the package as a whole."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.is_symlink() and not name.startswith(("DEBIAN/", "etc/")):
            yield f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {name}\n"


def pack(folder, target, time):
    run("dpkg-deb", "--root-owner-group", "-Zxz", "-z6", "--build", folder, target,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(time)})
