"""The OCI image: its layout, its contents, and the program in it as another user with a root that cannot be written."""

import functools
import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

import elf
import image as rules
from installation import Engine, answer
from report import Skipped, expect, first_line, run

USER = "65532:65532"


class Image:
    """The image, read as a registry or an engine reads it: every digest is checked."""

    def __init__(self, path):
        with tarfile.open(path) as archive:
            self.files = {member.name: archive.extractfile(member).read() for member in archive.getmembers() if member.isfile()}
        expect(json.loads(self.files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}, "oci-layout")
        [descriptor] = json.loads(self.files["index.json"])["manifests"]
        self.manifest = json.loads(self.blob(descriptor))
        self.config = json.loads(self.blob(self.manifest["config"]))
        self.layers = [gzip.decompress(self.blob(layer)) for layer in self.manifest["layers"]]
        found = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in self.layers]
        expect(found == self.config["rootfs"]["diff_ids"], "the digests of the layers differ from those in the configuration")

    def blob(self, descriptor):
        kind, _, value = descriptor["digest"].partition(":")
        data = self.files[f"blobs/{kind}/{value}"]
        expect(hashlib.sha256(data).hexdigest() == value and len(data) == descriptor["size"], f"{descriptor['digest']} has other contents")
        return data

    def unpack(self, folder):
        for layer in self.layers:
            with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
                archive.extractall(folder, numeric_owner=True, filter="fully_trusted")


class Container:
    """An image's root, mounted without the right to write, with volumes. Needs a mount namespace of its own."""

    def __init__(self, source, hosts=""):
        self.image, self.hosts = source, hosts

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="simpleai-image-"))
        self.path = self.folder / "root"
        self.path.mkdir()
        self.image.unpack(self.path)
        for name in ("proc", "dev"):
            (self.path / name).mkdir()
        for name in ("dev/null", "etc/hosts"):
            (self.path / name).touch()
        hosts = self.folder / "hosts"
        hosts.write_text("127.0.0.1 localhost\n" + self.hosts)
        run("mount", "--bind", self.path, self.path)
        run("mount", "-t", "proc", "proc", self.path / "proc")
        run("mount", "--bind", "/dev/null", self.path / "dev/null")
        run("mount", "--bind", hosts, self.path / "etc/hosts")
        run("mount", "-o", "remount,bind,ro", self.path)
        return self

    def __exit__(self, *_):
        run("umount", "--recursive", "--lazy", self.path, ok=None)
        shutil.rmtree(self.folder, ignore_errors=True)

    def volume(self, name, target, mode=0o700):
        """A new volume takes owner and contents of its folder in the image, as engines do it."""
        volume = self.folder / "volumes" / name
        if not volume.exists():
            volume.mkdir(parents=True, mode=mode)
            stat = (self.path / target.lstrip("/")).stat()
            os.chown(volume, stat.st_uid, stat.st_gid)
        run("mount", "--bind", volume, self.path / target.lstrip("/"))
        return volume

    def command(self, *command):
        """As engines start it: another user, no capabilities, no new privileges."""
        user, group = USER.split(":")
        return ["setpriv", "--no-new-privs", "unshare", f"--root={self.path}", f"--wd={self.image.config['config']['WorkingDir']}",
                f"--setgid={group}", f"--setuid={user}", *command]

    @property
    def environment(self):
        return dict(entry.split("=", 1) for entry in self.image.config["config"]["Env"])

    def run(self, *command, ok=(0,), **environment):
        return run(*self.command(*command), ok=ok, env={**self.environment, **environment})


class Gateway:
    def __init__(self, container, *command, **environment):
        self.container, self.arguments, self.environment = container, command, environment

    def __enter__(self):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(self.container.command(*self.arguments, "--json"), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        env={**self.container.environment, **self.environment})
        first_line(self.process, self.log)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.code = self.process.wait(timeout=60)
        self.process.stdout.close()


class Images:
    def __init__(self, artefacts):
        self.artefacts = artefacts

    @functools.cached_property
    def image(self):
        return Image(self.artefacts.image)

    def layout(self):
        size, config = self.artefacts.image.stat().st_size, self.image.config["config"]
        expect(size < 120_000_000, f"{size / 1e6:.0f} MB")
        expect(config["User"] == USER and config["Entrypoint"] == ["/usr/bin/simpleai"], f"{config}")
        if shutil.which("skopeo"):
            found = json.loads(run("skopeo", "inspect", f"oci-archive:{self.artefacts.image}").stdout)
            expect(found["Layers"] == [layer["digest"] for layer in self.image.manifest["layers"]], "skopeo reads other layers")
            run("skopeo", "inspect", f"docker-archive:{self.artefacts.image}")
        unpacked = sum(map(len, self.image.layers))
        return f"{size / 1e6:.0f} MB, {unpacked / 1e6:.0f} MB unpacked" + ("" if shutil.which("skopeo") else "; skopeo is missing here")

    def contents(self):
        """Nothing to run but the program; each library that it loads is in the image; licences of all packages."""
        members = [member for layer in self.image.layers for member in tarfile.open(fileobj=io.BytesIO(layer)).getmembers()]
        programs = [member.name for member in members if member.isfile() and member.mode & 0o111 and ".so" not in member.name]
        expect(programs == ["usr/bin/simpleai"], f"executables: {programs}")
        expect(not any(member.mode & 0o6000 for member in members), "a file is setuid or setgid")
        with Container(self.image) as container:
            machine = elf.Program((container.path / "usr/bin/simpleai").read_bytes()).machine
            loader = "/" + rules.LOADERS[machine]
            listed = container.run(loader, "--list", "/usr/bin/simpleai").stdout
            expect("not found" not in listed, listed)
            version = container.run("/usr/bin/simpleai", "--version", LD_PRELOAD="libpq.so.5").stdout
            expect(version.strip() == self.artefacts.version, f"with libpq: {version}")
            for name in ("etc/ssl/certs/ca-certificates.crt", "usr/share/zoneinfo/Europe/Rome", "usr/share/doc/libc6/copyright",
                         "usr/share/doc/libpq5/copyright", "usr/share/doc/simpleai/copyright"):
                expect((container.path / name).exists(), f"{name} is missing")

    def serves(self):
        """`serve` as user 65532 with a root that cannot be written: first answer, health check, SIGTERM."""
        with Container(self.image, "") as container, Engine(self.artefacts.root) as engine:
            state = container.volume("state", "/var/lib/simpleai")
            refused = container.run("/usr/bin/simpleai", "token", "init", "--directory", "/etc/simpleai", ok=None)
            expect(refused.returncode != 0, "the image's root can be written")
            container.run("/usr/bin/simpleai", "token", "init", "--directory", "/var/lib/simpleai/tokens")
            settings = state / "simpleai.yaml"
            settings.write_text(
                "auth: { issuers: [ { issuer: https://tokens.simpleai.internal, audience: simpleai, jwks_file: /var/lib/simpleai/tokens/jwks.json } ] }\n"
                "fleet: { state_file: /var/lib/simpleai/simpleai-state.json }\nkeys: { database: /var/lib/simpleai/simpleai.db }\n"
                f"classes: {{ fast: [ \"{engine['model']}\" ] }}\nrunners: [ {{ id: engine, url: \"{engine['url']}\" }} ]\n")
            with Gateway(container, "/usr/bin/simpleai", "serve", "--config", "/var/lib/simpleai/simpleai.yaml") as gateway:
                status = pathlib.Path(f"/proc/{gateway.process.pid}/status").read_text()
                expect("Uid:\t65532\t65532" in status and "NoNewPrivs:\t1" in status and "CapEff:\t0000000000000000" in status, status)
                container.run(*self.image.config["config"]["Healthcheck"]["Test"][1:])
                token = container.run("/usr/bin/simpleai", "token", "--key", "/var/lib/simpleai/tokens/token-key.pem").stdout.strip()
                text = answer(token)
            expect(gateway.code == 0, f"exit code {gateway.code} after SIGTERM")
            unhealthy = container.run(*self.image.config["config"]["Healthcheck"]["Test"][1:], ok=None)
            expect(unhealthy.returncode == 1, f"without a gateway the health check ends with {unhealthy.returncode}")
            return repr(text)

    def compose(self):
        """The services of compose.yaml that use the image, in their order, with their volumes; the engine stands in for Ollama."""
        import yaml
        services = yaml.safe_load((self.artefacts.root / "deploy/compose/compose.yaml").read_text())["services"]
        with Engine(self.artefacts.root) as engine, Container(self.image, "127.0.0.1 ollama gateway\n") as container:
            port = engine["url"].rsplit(":", 1)[1]
            state = container.volume("state", "/var/lib/simpleai")
            tokens = container.volume("webui-token", "/run/simpleai")

            def command(service):
                return ["/usr/bin/simpleai", *(part.replace("http://ollama:11434", f"http://ollama:{port}") for part in services[service]["command"])]

            container.run(*command("setup"))
            settings = (state / "simpleai.yaml").read_bytes()
            container.run(*command("setup"))
            expect((state / "simpleai.yaml").read_bytes() == settings, "a second setup changed the settings")
            container.run(*command("webui-token"))
            token = (tokens / "open-webui.token").read_text().strip()
            with Gateway(container, *command("gateway")):
                text = answer(token)
            return repr(text)

    def compose_file(self):
        """Compose's own reader accepts the files."""
        if not shutil.which("docker-compose"):
            raise Skipped("docker-compose is missing")
        folder = self.artefacts.root / "deploy/compose"
        run("docker-compose", "--file", folder / "compose.yaml", "--file", folder / "compose.gpu.yaml", "config", "--quiet")
