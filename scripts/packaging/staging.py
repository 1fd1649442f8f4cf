"""The files of an installation under a prefix, from which the tarball and the Debian package are made."""

import gzip
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import elf

COMMANDS = ["get-token", "test_auth", "test_dialects", "test_model_routing", "test_wol", "test_workload_routing"]
# Each script that scripts/command-docs writes, and its place.
COMPLETIONS = {
    "simpleai.bash": "share/bash-completion/completions/simpleai",
    "_simpleai": "share/zsh/vendor-completions/_simpleai",
    "simpleai.fish": "share/fish/vendor_completions.d/simpleai.fish",
}
EXAMPLES = ["simpleai.example.yaml", "runner.example.yaml", "simpleai-tokens.example.yaml", "examples/agent.py"]


class PackagingError(Exception):
    """What is wrong, and what to do."""


def run(*command, **options):
    result = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **options)
    if result.returncode != 0:
        output = (result.stdout + result.stderr).decode(errors="replace").strip()
        raise PackagingError(f"{' '.join(map(str, command))}: exit code {result.returncode}\n{output}")
    return result.stdout


def stamped(root, binary, version, target):
    """A copy of the binary that states the version."""
    shutil.copyfile(binary, target)
    target.chmod(0o755)
    if stated_version(target) != version:
        run(root / "scripts/stamp-version", target, version)
    if (stated := stated_version(target)) != version:
        raise PackagingError(f"the binary states version {stated} instead of {version}; build it again with make build")
    return target


def stated_version(program):
    return run(program, "--version").decode().strip()


def object_copier():
    """LLVM's, of the Swift toolchain: that of binutils drops the segment GNU_RELRO of programs that lld has linked."""
    beside_swift = pathlib.Path(os.path.realpath(shutil.which("swift") or "/usr/bin/swift")).parent / "llvm-objcopy"
    found = str(beside_swift) if beside_swift.exists() else shutil.which("llvm-objcopy")
    if not found:
        raise PackagingError("llvm-objcopy is missing; it is part of Swift's toolchain and of Debian's package llvm")
    return found


def stripped(binary, folder):
    """The program without symbols and search paths, and its debug symbols, as two files in `folder`."""
    program, symbols = folder / "simpleai", folder / "simpleai.debug"
    copier = object_copier()
    # With binutils: LLVM leaves four bytes of each compressed section to chance.
    run("objcopy", "--only-keep-debug", "--compress-debug-sections", binary, symbols)
    run(copier, "--strip-all", "--remove-section=.comment", "--remove-section=.swift_modhash", binary, program)
    program.write_bytes(elf.Program(program.read_bytes()).removing_search_paths())
    identify(program, symbols)
    if not elf.Program(program.read_bytes()).has_read_only_relocations:
        raise PackagingError("the program has no segment GNU_RELRO: its linkage table would stay writable")
    program.chmod(0o755)
    symbols.chmod(0o644)
    return program, symbols


def identify(program, symbols):
    """Gives a program and its symbols a build id that depends on the stripped program only.

    The linker's id covers the debug symbols as well, which contain names that the compiler derives from the folder of the build.
    """
    data, debug = bytearray(program.read_bytes()), symbols.read_bytes()
    place = elf.Program(data).build_id
    if not place:
        raise PackagingError("the program has no build id; link it with --build-id")
    start, length = place
    former = bytes(data[start:start + length])
    data[start:start + length] = bytes(length)
    data[start:start + length] = hashlib.sha256(data).digest()[:length].ljust(length, b"\0")
    if debug.count(former) != 1:
        raise PackagingError("the debug symbols belong to another program")
    program.write_bytes(data)
    symbols.write_bytes(debug.replace(former, bytes(data[start:start + length])))


def build_paths(program, folders):
    """Paths of the build machine in the program: a binary with such a path depends on where it was built."""
    data = program.read_bytes()
    return sorted(str(folder) for folder in folders if str(folder).encode() + b"/" in data)


def stage(root, target, program, generator, version, prefix):
    """Writes the installation to `target`, which stands for `prefix`."""
    def install(source, name, mode=0o644):
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
        path.chmod(mode)

    install(program, "bin/simpleai", 0o755)
    for command in COMMANDS:
        (target / "bin" / command).symlink_to("simpleai")
    with tempfile.TemporaryDirectory() as written:
        run(root / "scripts/command-docs", generator, written)
        for source, name in COMPLETIONS.items():
            install(pathlib.Path(written, "completions", source), name)
        stage_manual(pathlib.Path(written, "man1"), target / "share/man/man1")
    for example in EXAMPLES:
        install(root / example, "share/doc/simpleai/examples/" + pathlib.Path(example).name)
    install(root / "LICENSE", "share/doc/simpleai/LICENSE")
    (target / "share/doc/simpleai/NEWS.gz").write_bytes(gzip.compress((root / "CHANGELOG.md").read_bytes(), mtime=0))
    systemd = root / "deploy/systemd"
    for unit in sorted(systemd.glob("*.service")):
        install(unit, f"lib/systemd/system/{unit.name}")
        path = target / "lib/systemd/system" / unit.name
        path.write_text(for_prefix(path.read_text(encoding="utf-8"), prefix), encoding="utf-8")
    install(systemd / "sysusers.conf", "lib/sysusers.d/simpleai.conf")
    install(systemd / "tmpfiles.conf", "lib/tmpfiles.d/simpleai.conf")
    install(systemd / "simpleai-runner.rules", "share/polkit-1/rules.d/60-simpleai-runner.rules")


def stage_manual(pages, folder):
    """The manual pages, compressed; links for the commands under other names."""
    folder.mkdir(parents=True)
    written = sorted(pages.glob("*.1"))
    if "simpleai.1" not in [page.name for page in written]:
        raise PackagingError("scripts/command-docs wrote no simpleai.1")
    for page in written:
        (folder / (page.name + ".gz")).write_bytes(gzip.compress(page.read_bytes(), mtime=0))
    for command in COMMANDS:
        page = "simpleai-token.1.gz" if command == "get-token" else "simpleai-test.1.gz"
        (folder / f"{command}.1.gz").symlink_to(page if (folder / page).exists() else "simpleai.1.gz")


def for_prefix(unit, prefix):
    """A unit whose program and rules are under another prefix than /usr."""
    if prefix == "/usr":
        return unit
    return re.sub(r"/usr/(bin/simpleai|lib/tmpfiles\.d/simpleai\.conf)", rf"{prefix}/\1", unit)


def readable(folder):
    """Modes that do not depend on the umask of the build: 755 for folders and programs, 644 for other files."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            continue
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) and path.stat().st_mode & 0o100 else 0o644)
