"""What the package learns from a program: libraries, versions, search paths; and what the control file makes of it."""

import hashlib
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import debian
import elf
import licences
from staging import PackagingError, build_paths, for_prefix, identify

ROOT = pathlib.Path(__file__).resolve().parents[2]


@unittest.skipUnless(shutil.which("cc"), "needs a C compiler")
class ProgramTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        source = pathlib.Path(cls.folder.name, "a.c")
        source.write_text("#include <stdio.h>\nint main(void) { return printf(\"hello\\n\") != 6; }\n")
        cls.binary = pathlib.Path(cls.folder.name, "a")
        subprocess.run(["cc", "-Wl,-rpath,$ORIGIN", "-Wl,-z,relro", "-Wl,--build-id", "-o", cls.binary, source], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_libraries_and_versions_are_read(self):
        program = elf.Program(self.binary.read_bytes())
        self.assertIn("libc.so.6", program.needed)
        self.assertEqual(program.search_paths, ["$ORIGIN"])
        self.assertTrue(any(name.startswith("GLIBC_2.") for name in program.versions["libc.so.6"]))
        self.assertTrue(program.has_symbols and program.has_read_only_relocations)
        self.assertRegex(debian.depends(program), r"^libc6 \(>= 2\.\d+\)$")

    def test_search_paths_are_removed_and_the_program_still_runs(self):
        changed = pathlib.Path(self.folder.name, "b")
        changed.write_bytes(elf.Program(self.binary.read_bytes()).removing_search_paths())
        changed.chmod(0o755)
        program = elf.Program(changed.read_bytes())
        self.assertEqual((program.search_paths, program.needed), ([], elf.Program(self.binary.read_bytes()).needed))
        self.assertEqual(subprocess.run([changed], stdout=subprocess.PIPE).stdout, b"hello\n")

    def test_the_build_id_follows_the_stripped_program(self):
        """Two builds whose debug symbols differ have the same id, which their symbols have, too."""
        identified = []
        for number, comment in enumerate(("first", "second")):
            folder = pathlib.Path(self.folder.name, comment)
            folder.mkdir()
            program, symbols = folder / "program", folder / "symbols"
            data = bytearray(self.binary.read_bytes())
            start, length = elf.Program(data).build_id
            data[start:start + length] = bytes([number]) * length
            program.write_bytes(data)
            symbols.write_bytes(comment.encode() + data[start:start + length])
            identify(program, symbols)
            self.assertEqual(symbols.read_bytes(), comment.encode() + program.read_bytes()[start:start + length])
            identified.append(program.read_bytes())
        self.assertEqual(identified[0], identified[1])
        with self.assertRaisesRegex(PackagingError, "another program"):
            identify(program, self.binary)

    def test_other_files_are_refused(self):
        for data in (b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01" + bytes(60)):
            with self.assertRaisesRegex(ValueError, "ELF"):
                elf.Program(data)

    def test_paths_of_the_build_are_found(self):
        self.assertEqual(build_paths(self.binary, ["/nowhere"]), [])
        file = pathlib.Path(self.folder.name, "c")
        file.write_bytes(b"\0/srv/build/simpleai/Sources/x.c\0")
        self.assertEqual(build_paths(file, ["/srv/build/simpleai", "/srv/build/simple"]), ["/srv/build/simpleai"])


class ControlTests(unittest.TestCase):
    def test_the_newest_version_counts(self):
        self.assertEqual(elf.newest({"GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.9", "GLIBC_PRIVATE", "GCC_3.0"}, "GLIBC"), "2.34")
        self.assertIsNone(elf.newest({"GCC_3.0"}, "GLIBC"))

    def test_each_library_becomes_its_package(self):
        class Stand:
            needed = ["libc.so.6", "libm.so.6", "libstdc++.so.6", "libsqlite3.so.0"]
            versions = {"libc.so.6": {"GLIBC_2.34"}, "libm.so.6": {"GLIBC_2.35"}, "libstdc++.so.6": {"GLIBCXX_3.4.30", "CXXABI_1.3.9"}}

        self.assertEqual(debian.depends(Stand), "libc6 (>= 2.35), libsqlite3-0 (>= 3.20.0), libstdc++6 (>= 12)")
        Stand.needed = ["libcurl.so.4"]
        with self.assertRaisesRegex(PackagingError, "libcurl.so.4"):
            debian.depends(Stand)
        Stand.needed, Stand.versions = ["libstdc++.so.6"], {"libstdc++.so.6": {"GLIBCXX_3.4.99"}}
        with self.assertRaisesRegex(PackagingError, "3.4.99"):
            debian.depends(Stand)

    def test_the_changelog_has_debians_form(self):
        self.assertEqual(
            debian.changelog("1.2.3", 0, "A <a@example.com>"),
            "simpleai (1.2.3) unstable; urgency=medium\n\n  * Changes for operators: /usr/share/doc/simpleai/NEWS.gz\n\n"
            " -- A <a@example.com>  Thu, 01 Jan 1970 00:00:00 -0000\n")

    def test_shipped_settings_stay_as_they_are(self):
        """`simpleai setup` replaces these files. If a later package had others, dpkg would ask every operator what to keep."""
        known = {"simpleai.yaml": "19694821855bf4f318c509b8193d92f1c6fa5509b98b59694da57d0a7db8d2d7", "runner.yaml": "eadbd68be58a585d5f45aa82c2115ba806bc93090c1ddb3ba0b144b7e06a2d9d"}
        for name, digest in known.items():
            self.assertEqual(hashlib.sha256((ROOT / "deploy/etc" / name).read_bytes()).hexdigest(), digest, name)

    def test_units_follow_the_prefix(self):
        unit = "ExecStartPre=+-/usr/bin/systemd-tmpfiles --create /usr/lib/tmpfiles.d/simpleai.conf\nExecStart=/usr/bin/simpleai runner\n"
        self.assertEqual(for_prefix(unit, "/usr"), unit)
        self.assertEqual(for_prefix(unit, "/usr/local"), unit.replace("/usr/lib/", "/usr/local/lib/").replace("/usr/bin/simpleai", "/usr/local/bin/simpleai"))


class LicenceTests(unittest.TestCase):
    APACHE = "                Apache License\n          Version 2.0, January 2004\n\ntext\n   limitations under the License.\n\n## Exception ##"

    def package(self, texts):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in texts.items():
                path = pathlib.Path(folder, "thing", name)
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
            pin = {"location": "https://example.com/a/thing.git", "state": {"version": "1.0.0", "revision": "abc"}}
            return licences.Dependency(pin, pathlib.Path(folder))

    def test_licences_are_recognized(self):
        self.assertEqual(self.package({"LICENSE.txt": self.APACHE, "NOTICE.txt": "x"}).licence, "Apache-2.0")
        self.assertEqual(self.package({"LICENSE": "Permission is hereby granted, free of charge, to any person"}).licence, "MIT")
        self.assertEqual(self.package({"LICENSE": "All rights reserved"}).licence, "NOASSERTION")
        self.assertEqual(self.package({"README.md": "x"}).licence, "NOASSERTION")
        self.assertEqual(self.package({}).purl, "pkg:swift/example.com/a/thing@1.0.0")

    def test_notices_contain_every_text_once(self):
        first, second = self.package({"LICENSE": "MIT text", "NOTICE": "a notice"}), self.package({"LICENSE": "MIT text"})
        text = licences.notices([first, second], "own")
        self.assertEqual((text.count("MIT text"), text.count("a notice"), text.count("own")), (1, 1, 1))

    def test_debian_names_the_apache_licence_and_keeps_exceptions(self):
        text = licences.notices([self.package({"LICENSE.txt": self.APACHE})], self.APACHE + "own", "/usr/share/common-licenses/Apache-2.0")
        self.assertNotIn("limitations under the License", text)
        self.assertEqual(text.count("Apache License 2.0: /usr/share/common-licenses/Apache-2.0"), 2)
        self.assertEqual(text.count("## Exception ##"), 2)
