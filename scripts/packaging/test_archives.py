"""Archives and the image's layout: the same contents give the same bytes."""

import gzip
import hashlib
import io
import json
import os
import pathlib
import tarfile
import tempfile
import unittest

import archives
import chart
import image


class TarTests(unittest.TestCase):
    def archive(self, order, umask=0o022):
        former = os.umask(umask)
        try:
            with tempfile.TemporaryDirectory() as folder:
                for name in order:
                    path = pathlib.Path(folder, name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(name)
                    path.chmod(0o644)
                for path in pathlib.Path(folder).rglob("*"):
                    if path.is_dir():
                        path.chmod(0o755)
                target = archives.Tar(1_700_000_000)
                target.tree(folder, "top/")
                target.link("top/link", "a/b")
                return target.data()
        finally:
            os.umask(former)

    def test_order_time_and_umask_do_not_matter(self):
        first = self.archive(["a/b", "a.txt", "z"])
        self.assertEqual(first, self.archive(["z", "a.txt", "a/b"], umask=0o077))
        self.assertEqual(archives.compressed(first), archives.compressed(first))
        self.assertEqual(gzip.decompress(archives.compressed(first)), first)

    def test_members_have_no_owner_and_one_time(self):
        with tarfile.open(fileobj=io.BytesIO(self.archive(["a/b"]))) as archive:
            members = archive.getmembers()
        self.assertEqual([member.name for member in members], ["top", "top/a", "top/a/b", "top/link"])
        for member in members:
            self.assertEqual((member.uid, member.gid, member.uname, member.gname, member.mtime), (0, 0, "", "", 1_700_000_000))

    def test_folders_come_before_their_contents(self):
        target = archives.Tar(0)
        target.file("usr/lib/x", b"1")
        target.file("usr/lib64/y", b"2")
        with tarfile.open(fileobj=io.BytesIO(target.data())) as archive:
            self.assertEqual(archive.getnames(), ["usr", "usr/lib", "usr/lib/x", "usr/lib64", "usr/lib64/y"])


class LayoutTests(unittest.TestCase):
    def layout(self):
        layers = [b"one", b"two"]
        config = image.configuration("1.2.3+4.gab", "aarch64", "c0ffee", 1_700_000_000, layers)
        with tarfile.open(fileobj=io.BytesIO(image.layout(layers, config, "1.2.3+4.gab", 1_700_000_000))) as archive:
            return {member.name: archive.extractfile(member).read() for member in archive.getmembers() if member.isfile()}

    def test_every_digest_is_that_of_its_blob(self):
        files = self.layout()
        [descriptor] = json.loads(files["index.json"])["manifests"]
        manifest = json.loads(files["blobs/sha256/" + descriptor["digest"].split(":")[1]])
        for one in [manifest["config"], *manifest["layers"]]:
            data = files["blobs/sha256/" + one["digest"].split(":")[1]]
            self.assertEqual((hashlib.sha256(data).hexdigest(), len(data)), (one["digest"].split(":")[1], one["size"]))
        config = json.loads(files["blobs/sha256/" + manifest["config"]["digest"].split(":")[1]])
        self.assertEqual(config["rootfs"]["diff_ids"], [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in (b"one", b"two")])
        self.assertEqual((config["architecture"], config["created"]), ("arm64", "2023-11-14T22:13:20Z"))
        self.assertEqual(config["config"]["User"], "65532:65532")

    def test_docker_finds_the_same_blobs_and_a_tag_without_plus(self):
        files = self.layout()
        [entry] = json.loads(files["manifest.json"])
        self.assertEqual(entry["RepoTags"], ["simpleai:1.2.3_4.gab"])
        self.assertLessEqual({entry["Config"], *entry["Layers"]}, set(files))


class LibraryTests(unittest.TestCase):
    def test_a_missing_library_names_its_package(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(image.PackagingError, "libpq5"):
                image.Libraries("x86_64", pathlib.Path(folder)).closure(["libpq.so.5"])

    def test_the_operators_own_authorities_are_not_in_the_image(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name in ("usr/share/ca-certificates/mozilla/A.crt", "usr/share/ca-certificates/local/Own.crt", "etc/ssl/certs/ca-certificates.crt"):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(name)
            layer = archives.Tar(0)
            image.authorities(layer, root)
            self.assertEqual(layer.entries["etc/ssl/certs/ca-certificates.crt"][1], b"usr/share/ca-certificates/mozilla/A.crt\n")

    def test_time_zones_are_copied_once(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder, "usr/share/zoneinfo")
            for name, text in {"Europe/Rome": b"TZif2", "posix/Europe/Rome": b"TZif2", "right/Europe/Rome": b"TZif2", "zone.tab": b"#"}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(text)
            layer = archives.Tar(0)
            image.zones(layer, pathlib.Path(folder))
            self.assertEqual([name for name, (_, data) in layer.entries.items() if data], ["usr/share/zoneinfo/Europe/Rome"])


class ChartTests(unittest.TestCase):
    def test_a_release_states_its_version(self):
        text = b"name: simpleai\nversion: 0.0.0-dev\nappVersion: 0.0.0-dev\n"
        self.assertEqual(chart.versioned("chart/Chart.yaml", text, "1.2.3+4.gab"),
                         b"name: simpleai\nversion: 1.2.3+4.gab\nappVersion: 1.2.3+4.gab\n")
        self.assertEqual(chart.versioned("gateway.yaml", b'version: "0.0.0-dev"\n', "1.2.3+4.gab"), b'version: "1.2.3_4.gab"\n')
        self.assertEqual(chart.versioned("compose.yaml", b"image: ${IMAGE:-simpleai:0.0.0-dev}\n", "1.2.3+4.gab"),
                         b"image: ${IMAGE:-simpleai:1.2.3_4.gab}\n")

    def test_every_file_with_the_development_version_is_recognized(self):
        root = pathlib.Path(__file__).resolve().parents[2]
        for path in sorted((root / "deploy").rglob("*.yaml")):
            changed = chart.versioned(path.name, path.read_bytes(), "1.2.3")
            self.assertNotIn(chart.DEVELOPMENT.encode(), changed, path)


if __name__ == "__main__":
    unittest.main()
