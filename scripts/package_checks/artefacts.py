"""Checks of the files that scripts/package wrote, without installing them."""

import json
import os
import pathlib
import re
import shutil
import tempfile

import debian
import elf
from report import Skipped, expect, run

MAXIMAL_PROGRAM, MAXIMAL_IMAGE = 64 << 20, 120_000_000
EXPOSURE = {"simpleai.service": 2.0, "simpleai-runner.service": 4.5}


class Artefacts:
    def __init__(self, root, folder, binary, options, venv):
        self.root, self.folder, self.binary, self.venv = root, folder, binary, venv
        self.version, self.flags = options.version, options.flags

    def one(self, pattern):
        found = sorted(self.folder.glob(pattern))
        expect(len(found) == 1, f"{len(found)} files match {pattern} in {self.folder}")
        return found[0]

    @property
    def deb(self):
        return self.one("simpleai_*.deb")

    @property
    def image(self):
        return self.one("simpleai-*-oci.tar")

    def checksums(self):
        run("sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS", cwd=self.folder)
        listed = {line.split("  ")[1] for line in self.folder.joinpath("SHA256SUMS").read_text().splitlines()}
        files = {path.name for path in self.folder.iterdir()} - {"SHA256SUMS"}
        expect(listed == files, f"not listed: {files - listed}; listed but missing: {listed - files}")

    def repeated(self):
        """A second build, with another time zone, language, umask and temporary folder, gives the same digests."""
        with tempfile.TemporaryDirectory(prefix="another-place-") as folder:
            again = pathlib.Path(folder, "packages")
            command = [self.root / "scripts/package", "--binary", self.binary, "--output", again, "--version", self.version, "--flags", self.flags]
            run("sh", "-c", "umask 077; exec \"$@\"", "sh", *command,
                env={**os.environ, "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "TMPDIR": folder})
            first, second = (path.joinpath("SHA256SUMS").read_text().splitlines() for path in (self.folder, again))
            differing = sorted({line.split("  ")[1] for line in set(first) ^ set(second)})
            expect(not differing, f"these files differ between two builds: {', '.join(differing)}")
            return f"{len(first)} files are equal"

    def program(self):
        with tempfile.TemporaryDirectory() as folder:
            run("dpkg-deb", "--extract", self.deb, folder)
            data = pathlib.Path(folder, "usr/bin/simpleai").read_bytes()
        program = elf.Program(data)
        expect(len(data) <= MAXIMAL_PROGRAM, f"{len(data) / 1e6:.1f} MB; {MAXIMAL_PROGRAM / 1e6:.1f} MB are allowed")
        expect(not program.search_paths, f"the loader would search {program.search_paths}")
        expect(program.has_read_only_relocations, "no segment GNU_RELRO")
        expect(not program.has_symbols, "the program has a symbol table")
        for path in (str(self.root), os.path.expanduser("~")):
            expect(path == "/" or path.encode() + b"/" not in data, f"the program contains the path {path}")
        return f"{len(data) / 1e6:.1f} MB, needs {', '.join(program.needed)}"

    def lintian(self):
        if not shutil.which("lintian"):
            raise Skipped("lintian is missing; install it (scripts/setup --tests)")
        output = run("lintian", "--fail-on", "none", self.deb, ok=(0, 2)).stdout
        found = [line for line in output.splitlines() if line.startswith("E:")]
        expect(not found, "\n".join(found))
        return f"{sum(line.startswith('W:') for line in output.splitlines())} warnings"

    def control(self):
        fields = dict(re.findall(r"^(\S+): (.*)$", run("dpkg-deb", "--field", self.deb).stdout, re.MULTILINE))
        with tempfile.TemporaryDirectory() as folder:
            run("dpkg-deb", "--extract", self.deb, folder)
            program = elf.Program(pathlib.Path(folder, "usr/bin/simpleai").read_bytes())
        expect(fields["Depends"] == debian.depends(program), f"Depends is {fields['Depends']}")
        return fields["Depends"]

    def exposure(self):
        if not shutil.which("systemd-analyze"):
            raise Skipped("systemd-analyze is missing; install systemd")
        results = []
        for unit, allowed in EXPOSURE.items():
            output = run("systemd-analyze", "security", "--offline=true", "--no-pager", self.root / "deploy/systemd" / unit).stdout
            value = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", output)[1])
            expect(value <= allowed, f"{unit}: {value}, {allowed} are allowed")
            results.append(f"{unit} {value}")
        return ", ".join(results)

    def bill(self):
        file = self.one("*.spdx.json")
        run(self.venv / "bin/pyspdxtools", "--infile", file)
        packages = json.loads(file.read_text())["packages"]
        names = {package["name"] for package in packages}
        pins = {pin["location"].rsplit("/", 1)[-1].removesuffix(".git") for pin in json.loads(
            self.root.joinpath("Package.resolved").read_text())["pins"]}
        expect(pins <= names, f"not in the bill of materials: {pins - names}")
        unknown = [package["name"] for package in packages
                   if package["SPDXID"].startswith("SPDXRef-Swift-") and package["licenseDeclared"] == "NOASSERTION"]
        expect(not unknown, f"licences that are not recognized: {unknown}")
        return f"{len(packages)} packages"

    def provenance(self):
        statement = json.loads(self.one("*.provenance.json").read_text())
        sums = dict(reversed(line.split("  ")) for line in self.folder.joinpath("SHA256SUMS").read_text().splitlines())
        for subject in statement["subject"]:
            expect(sums[subject["name"]] == subject["digest"]["sha256"], f"{subject['name']}: another digest than in SHA256SUMS")
        return f"{len(statement['subject'])} subjects"
