"""Versions from tags, and what a release requires."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import versions

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "version"


class VersionTests(unittest.TestCase):
    def test_versions_follow_the_description_of_git(self):
        table = {
            "v1.2.3-0-g0123456789ab": "1.2.3",
            "v1.2.3-0-g0123456789ab-dirty": "1.2.3+dirty",
            "v1.2.3-14-g0123456789ab": "1.2.3+14.g0123456789ab",
            "v1.2.3-14-g0123456789ab-dirty": "1.2.3+14.g0123456789ab.dirty",
            "v2.0.0-rc.1-0-g0123456789ab": "2.0.0-rc.1",
            "v2.0.0-rc.1-2-g0123456789ab": "2.0.0-rc.1+2.g0123456789ab",
            "0123456789ab": "0.0.0+7.g0123456789ab",
            "0123456789ab-dirty": "0.0.0+7.g0123456789ab.dirty",
        }
        for description, version in table.items():
            self.assertEqual(versions.version_from(description, 7), version, description)

    def test_other_tags_are_refused(self):
        for description in ("v1.2-0-g0123456789ab", "release-1-0-gxyz", "", "v1.2.3"):
            with self.assertRaisesRegex(ValueError, "vMAJOR.MINOR.PATCH"):
                versions.version_from(description)

    def test_each_package_format_gets_its_own_spelling(self):
        self.assertEqual(versions.debian("2.0.0-rc.1+2.gab"), "2.0.0~rc.1+2.gab")
        self.assertEqual(versions.debian("1.2.3+4.g0-1"), "1.2.3+4.g0-1")
        self.assertEqual(versions.image_tag("1.2.3+4.gab"), "1.2.3_4.gab")

    def test_debian_sorts_versions_in_the_order_of_their_commits(self):
        order = ["0.0.0+7.gff", "2.0.0-rc.1", "2.0.0-rc.1+1.gff", "2.0.0-rc.2", "2.0.0", "2.0.0+1.gff", "2.0.0+10.g00", "2.0.1"]
        for former, latter in zip(order, order[1:]):
            run = subprocess.run(["dpkg", "--compare-versions", versions.debian(former), "lt", versions.debian(latter)])
            self.assertEqual(run.returncode, 0, f"{former} before {latter}")


class ReleaseTests(unittest.TestCase):
    CHANGELOG = "# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-01-02\n\n### Fixed\n\n- A fix.\n\n## 1.2.2 - 2025-12-01\n\n- Old.\n"

    def test_sections_are_found_by_version_and_date(self):
        self.assertEqual(versions.section(self.CHANGELOG, "1.2.3"), "### Fixed\n\n- A fix.")
        self.assertEqual(versions.section(self.CHANGELOG, "1.2.2"), "- Old.")
        self.assertIsNone(versions.section(self.CHANGELOG, "1.2"))
        self.assertIsNone(versions.section("## 1.2.3\n\n- No date.\n", "1.2.3"))

    def test_a_release_needs_a_clean_tree_a_tag_and_a_section(self):
        table = {"1.2.3": [], "1.2.4": ["CHANGELOG.md has no section"], "1.2.3+dirty": ["the work tree has changes", "HEAD has no tag"],
                 "1.2.3+1.gab": ["HEAD has no tag"]}
        for version, expected in table.items():
            problems = list(versions.release_problems(version, self.CHANGELOG))
            self.assertEqual([problem[:len(start)] for problem, start in zip(problems, expected)], expected, version)
            self.assertEqual(len(problems), len(expected), version)

    def test_the_script_reads_a_repository(self):
        with tempfile.TemporaryDirectory() as folder:
            def git(*arguments):
                identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "tag.gpgSign=false", "-c", "commit.gpgSign=false"]
                subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, stdout=subprocess.DEVNULL)

            def version(*arguments, **environment):
                inherited = {name: value for name, value in os.environ.items() if name != "SIMPLEAI_VERSION"}
                return subprocess.run([SCRIPT, "--root", folder, *arguments], capture_output=True, text=True,
                                      env={**inherited, **environment})

            changelog = pathlib.Path(folder, "CHANGELOG.md")
            changelog.write_text(self.CHANGELOG)
            self.assertIn("set SIMPLEAI_VERSION", version().stderr)
            self.assertEqual(version(SIMPLEAI_VERSION="4.5.6+7.gab").stdout, "4.5.6+7.gab\n")
            self.assertIn("is not a version", version(SIMPLEAI_VERSION="latest").stderr)
            git("init", "--quiet")
            git("add", ".")
            git("commit", "--quiet", "--message", "One")
            self.assertRegex(version().stdout, r"^0\.0\.0\+1\.g[0-9a-f]{10}\n$")
            self.assertIn("has no tag", version("--check-release").stderr)
            git("tag", "v1.2.3")
            self.assertEqual((version("--check-release").stdout, version("--notes").stdout), ("1.2.3\n", "### Fixed\n\n- A fix.\n"))
            changelog.write_text("# Changelog\n")
            refused = version("--check-release")
            self.assertEqual(refused.returncode, 1)
            self.assertIn("the work tree has changes", refused.stderr)
            self.assertEqual(version().stdout, "1.2.3+dirty\n")
