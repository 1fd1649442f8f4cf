"""The Debian package and the tarball in a clean Debian: installed, set up, serving, upgraded, removed."""

import concurrent.futures
import hashlib
import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

from report import expect, first_line, run
from roots import Root, repacked

GATEWAY = "http://127.0.0.1:8080"
TEMPLATE = ": not set up yet. Run"
ISSUER = "auth: { issuers: [ { issuer: https://tokens.simpleai.internal, audience: simpleai, jwks_file: /etc/simpleai/tokens/jwks.json } ] }\n"
MAXIMAL_SECONDS = 180


def fetch(path, token=None, body=None, timeout=60):
    request = urllib.request.Request(GATEWAY + path, data=json.dumps(body).encode() if body else None)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout) as response:
        return response.status, json.loads(response.read() or b"null")


def answer(token, model=None):
    """The text of one call of a class, or of the first one that the gateway lists."""
    models = [one["id"] for one in fetch("/v1/models", token)[1]["data"]]
    model = model or next((name for name in models if name.startswith("class:")), None)
    expect(model in models, f"no {model or 'class'} among {models}")
    _, response = fetch("/v1/chat/completions", token, {
        "model": model, "max_tokens": 8, "messages": [{"role": "user", "content": "Say hello."}]}, timeout=120)
    text = response["choices"][0]["message"]["content"]
    expect(text, f"an empty answer: {response}")
    return text


class Service:
    """The gateway as its unit starts it: as its user, in its folder. There is no systemd in a root."""

    def __init__(self, root, user="simpleai", *command):
        self.root = root
        self.command = command or ("/usr/bin/simpleai", "serve", "--config", "/etc/simpleai/simpleai.yaml", "--json")
        self.user = user

    def __enter__(self):
        self.log = tempfile.TemporaryFile("w+")
        self.process = self.root.start(
            "runuser", "-u", self.user, "--", "env", f"--chdir=/var/lib/{self.user}", f"HOME=/var/lib/{self.user}", *self.command,
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        first_line(self.process, self.log)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.process.stdout.close()


class Engine:
    """A real llama.cpp server with a small model, in this network namespace."""

    def __init__(self, root, *options):
        self.command = [root / "scripts/real-engine", *options]

    def __enter__(self):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        return json.loads(first_line(self.process, self.log))["engines"][0]

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()


class Installation:
    def __init__(self, artefacts, lower):
        self.artefacts, self.lower = artefacts, lower

    def clean(self):
        return Root(self.lower)

    def first_answer(self):
        """Four commands: dpkg -i, simpleai setup, simpleai serve (as its unit starts it), curl."""
        with self.clean() as root, Engine(self.artefacts.root) as engine:
            for absent in ("swift", "cc", "gcc", "clang", "python3"):
                expect(root.run("which", absent, ok=None).returncode != 0, f"the root has {absent}")
            started = time.monotonic()
            root.install(self.artefacts.deb)
            installed = time.monotonic() - started
            root.run("simpleai", "setup", "--yes", "--engine", engine["url"])
            with Service(root):
                token = root.run("simpleai", "token").stdout.strip()
                text = answer(token)
                seconds = time.monotonic() - started
                health = fetch("/health")[1]
                doctor = root.run("simpleai", "doctor", ok=None)
            expect((doctor.returncode, doctor.stdout) == (0, ""), f"doctor on a healthy installation: {doctor.stdout}")
            expect(seconds < MAXIMAL_SECONDS, f"{seconds:.0f} s until the first answer; {MAXIMAL_SECONDS} s are allowed")
            mode = root.run("stat", "-c", "%U:%G %a", "/etc/simpleai/simpleai.yaml").stdout.strip()
            expect(mode == "root:simpleai 640", f"/etc/simpleai/simpleai.yaml is {mode}")
            return f"{seconds:.1f} s from dpkg -i ({installed:.1f} s) to {text!r}; health {health}"

    def invited(self):
        """An agent under its own user joins by the line that `simpleai invite` prints, serves a call, and joins again."""
        with self.clean() as root, Engine(self.artefacts.root) as engine:
            root.install(self.artefacts.deb)
            root.run("simpleai", "token", "init", "--directory", "/etc/simpleai/tokens")
            root.write("/etc/simpleai/simpleai.yaml", f"{ISSUER}classes: {{ fast: [ \"{engine['model']}\" ] }}\n")
            agent = ("/usr/bin/simpleai", "runner", "--config", "/etc/simpleai/runner.yaml", "--json")
            with Service(root):
                admin = root.run("simpleai", "token", "--role", "admin").stdout.strip()
                invited = root.run("simpleai", "invite", "gpu-1", "--token", admin).stdout
                line = re.search(r"simpleai setup --runner .*", invited)
                expect(line, f"no line to run on the machine:\n{invited}")
                root.run("sh", "-c", f"{line[0]} --yes --no-start --engine {engine['url']}")
                for _ in range(2):  # the second time with the token that the agent received
                    with Service(root, "simpleai-runner", *agent):
                        text = answer(root.run("simpleai", "token").stdout.strip())
                    modes = root.run("find", "/var/lib/simpleai-runner", "-type", "f", "-printf", "%u %m\n").stdout.splitlines()
                    expect(modes and set(modes) == {"simpleai-runner 600"}, f"files of the agent: {modes}")
            return f"the agent answered {text!r}"

    def without_agent(self):
        """The settings of docs/guides/machines-without-agent.md: a call wakes the machine, whose engine then serves it."""
        guide = self.artefacts.root.joinpath("docs/guides/machines-without-agent.md").read_text(encoding="utf-8")
        settings = re.search(r"```yaml\n(.*?)```", guide, re.DOTALL)[1]
        for former, local in (("http://192.168.1.20:11434", "http://127.0.0.1:11434"), ("192.168.1.255", "127.255.255.255")):
            expect(former in settings, f"the guide's settings have no {former}")
            settings = settings.replace(former, local)
        with self.clean() as root, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
            root.install(self.artefacts.deb)
            root.run("simpleai", "token", "init", "--directory", "/etc/simpleai/tokens")
            root.write("/etc/simpleai/simpleai.yaml", ISSUER + settings)
            root.run("simpleai", "config", "check", "--config", "/etc/simpleai/simpleai.yaml")
            listener.bind(("0.0.0.0", 9))
            listener.settimeout(60)
            with Service(root), concurrent.futures.ThreadPoolExecutor(1) as pool:
                call = pool.submit(answer, root.run("simpleai", "token").stdout.strip(), "class:big")
                packet = listener.recv(200)
                expect(packet[:6] == b"\xff" * 6 and packet[6:12] == bytes.fromhex("525400123456"), f"not a magic packet: {packet.hex()}")
                with Engine(self.artefacts.root, "--port", "11434", "--model", "qwen3:14b"):
                    return f"woken by a packet, then {call.result(timeout=120)!r}"

    def fresh(self):
        """A fresh installation: users, modes, templates, links, nothing enabled, manual pages, a second installation."""
        with self.clean() as root:
            output = root.install(self.artefacts.deb)
            expect("next: simpleai setup" in output, output)
            stat = root.run("stat", "-c", "%n %U:%G %a", "/etc/simpleai", "/etc/simpleai/simpleai.yaml", "/etc/simpleai/runner.yaml",
                            "/var/lib/simpleai", "/var/lib/simpleai-runner", "/usr/bin/simpleai").stdout.splitlines()
            expect(stat == ["/etc/simpleai root:root 755", "/etc/simpleai/simpleai.yaml root:simpleai 640",
                            "/etc/simpleai/runner.yaml root:simpleai-runner 640", "/var/lib/simpleai simpleai:simpleai 700",
                            "/var/lib/simpleai-runner simpleai-runner:simpleai-runner 700", "/usr/bin/simpleai root:root 755"], "\n".join(stat))
            expect(TEMPLATE in root.file("/etc/simpleai/simpleai.yaml").read_text().splitlines()[0], "the first line marks the template")
            groups = root.run("id", "-nG", "simpleai-runner").stdout.split()
            expect({"video", "render"} <= set(groups), f"simpleai-runner is in {groups}")
            read = root.run("runuser", "-u", "simpleai-runner", "--", "cat", "/etc/simpleai/simpleai.yaml", ok=None)
            expect(read.returncode != 0, "the agent's user can read the gateway's settings")
            for unit in ("simpleai.service", "simpleai-runner.service"):
                enabled = root.run("systemctl", "is-enabled", unit, ok=None).stdout.strip()
                expect(enabled == "disabled", f"{unit} is {enabled}")
                expect(not (verified := root.run("systemd-analyze", "verify", "--man=no", unit, SYSTEMD_LOG_LEVEL="warning").stdout), verified)
            expect(root.run("get-token", "--version").stdout == root.run("simpleai", "--version").stdout, "get-token is another program")
            expect(root.run("simpleai", "--version").stdout.strip() == self.artefacts.version, "another version than the package's")
            refused = root.run("simpleai", "serve", "--config", "/etc/simpleai/simpleai.yaml", ok=None)
            expect(refused.returncode != 0 and "auth.issuers" in refused.stdout, f"a gateway that is not set up: {refused.stdout}")
            root.install(self.artefacts.deb)
            root.run("dpkg", "--verify", "simpleai")

    def without_systemd(self):
        """Users and folders are also made where systemd-sysusers is missing, as in containers."""
        with self.clean() as root:
            root.file("/usr/bin/systemd-sysusers").unlink()
            root.install(self.artefacts.deb)
            stat = root.run("stat", "-c", "%U:%G", "/var/lib/simpleai", "/var/lib/simpleai-runner").stdout.split()
            expect(stat == ["simpleai:simpleai", "simpleai-runner:simpleai-runner"], stat)
            expect({"video", "render"} <= set(root.run("id", "-nG", "simpleai-runner").stdout.split()), "groups are missing")

    def hand_made(self):
        """Files that were in /etc/simpleai before the package are kept, byte for byte, without a question."""
        settings = "# mine\n" + ISSUER
        with self.clean() as root:
            root.write("/etc/simpleai/simpleai.yaml", settings, 0o600)
            root.write("/etc/systemd/system/simpleai.service", "[Service]\nExecStart=/usr/local/bin/simpleai serve\n")
            root.write("/usr/local/bin/simpleai", "#!/bin/sh\n", 0o755)
            output = root.install(self.artefacts.deb)
            for note in ("kept /etc/simpleai/simpleai.yaml", "the service's user simpleai cannot read /etc/simpleai/simpleai.yaml; run: chgrp",
                         "/etc/systemd/system/simpleai.service is used instead", "/usr/local/bin/simpleai comes before"):
                expect(note in output, f"not noted: {note}\n{output}")
            self.unchanged(root, settings, "600")
            root.install(repacked(self.artefacts.deb, root.folder, "99.0.0"))
            self.unchanged(root, settings, "600")
            left = [path.name for path in root.file("/etc/simpleai").iterdir()]
            expect(sorted(left) == ["runner.yaml", "simpleai.yaml"], left)

    def unchanged(self, root, settings, mode):
        expect(root.file("/etc/simpleai/simpleai.yaml").read_text() == settings, "the operator's settings were changed")
        found = root.run("stat", "-c", "%a", "/etc/simpleai/simpleai.yaml").stdout.strip()
        expect(found == mode, f"the mode of the operator's settings is now {found}")

    def failed_installation(self):
        """If dpkg cannot install the package, the operator's files are back in their places."""
        settings = "# mine\n" + ISSUER
        with self.clean() as root:
            other = root.folder / "other"
            (other / "DEBIAN").mkdir(parents=True)
            (other / "DEBIAN/control").write_text("Package: other\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.com>\nDescription: other\n")
            (other / "usr/bin").mkdir(parents=True)
            (other / "usr/bin/simpleai").write_text("")
            run("dpkg-deb", "--root-owner-group", "--build", other, root.folder / "other.deb")
            root.install(root.folder / "other.deb")
            root.write("/etc/simpleai/simpleai.yaml", settings, 0o600)
            output = root.install(self.artefacts.deb, ok=(1,))
            expect("trying to overwrite" in output, output)
            self.unchanged(root, settings, "600")
            expect([path.name for path in root.file("/etc/simpleai").iterdir()] == ["simpleai.yaml"], "other files are left")

    def upgrade(self):
        """From the former package: settings, token key, API keys and state stay, and serve on."""
        with self.clean() as root, Engine(self.artefacts.root) as engine:
            root.install(repacked(self.artefacts.deb, root.folder, "0.0.0~former"))
            root.run("simpleai", "setup", "--yes", "--engine", engine["url"])
            with Service(root):
                admin = root.run("simpleai", "token", "--role", "admin").stdout.strip()
                key = root.run("sh", "-c", f"simpleai keys create laptop --token {admin} 2>/dev/null").stdout.strip()
                answer(key)
            before = self.digests(root)
            expect(any(name.endswith("simpleai.db") for name in before), f"no database of keys among {sorted(before)}")
            output = root.install(self.artefacts.deb)
            expect("does not accept" not in output, output)
            after = self.digests(root)
            expect(before == after, f"changed by the upgrade: {[name for name in before if before[name] != after.get(name)]}")
            with Service(root):
                text = answer(key)
            return f"{len(before)} files are unchanged, a key of the former version got {text!r}"

    def digests(self, root):
        return {str(path.relative_to(root.path)): hashlib.sha256(path.read_bytes()).hexdigest() + oct(path.stat().st_mode)
                for folder in ("etc/simpleai", "var/lib/simpleai") for path in sorted(root.file(folder).rglob("*")) if path.is_file()}

    def older_settings(self):
        """Settings of a former version: names that changed are reported with their new names, keys that are unknown, too."""
        with self.clean() as root:
            root.install(repacked(self.artefacts.deb, root.folder, "0.0.0~former"))
            root.run("simpleai", "token", "init", "--directory", "/etc/simpleai/tokens")
            settings = root.write("/etc/simpleai/simpleai.yaml", ISSUER + "fleet: { token: \"${RUNNER_TOKEN}\", no_such_key: 1 }\n")
            root.write("/etc/simpleai/simpleai.env", "# comment\nRUNNER_TOKEN=\"0123456789abcdef0123456789abcdef\"\n", 0o600)
            output = root.install(repacked(self.artefacts.deb, root.folder, "0.0.1"))
            for note in ("this version does not accept /etc/simpleai/simpleai.yaml", "fleet.no_such_key", "simpleai.service is not restarted"):
                expect(note in output, f"not noted: {note}\n{output}")
            expect("RUNNER_TOKEN" not in output, f"the environment of the service was not used:\n{output}")
            settings.write_text(ISSUER + "fleet: { token: \"${RUNNER_TOKEN}\" }\n")
            output = root.install(self.artefacts.deb)
            expect("does not accept" not in output, output)

    def renamed_keys(self):
        """A key with a former name is accepted for one release; the upgrade shows its new name."""
        line = "/etc/simpleai/simpleai.yaml:2: wake.retry: is now called `wake.schedule`; rename it"

        def edit(tree):
            (tree / "usr/bin/simpleai").write_text(f"#!/bin/sh\ncat <<'END'\n{line}\nEND\n")

        with self.clean() as root:
            root.install(repacked(self.artefacts.deb, root.folder, "0.0.0~former"))
            root.write("/etc/simpleai/simpleai.yaml", ISSUER)
            output = root.install(repacked(self.artefacts.deb, root.folder, "99.0.0", edit))
            expect(line in output and "not restarted" not in output, output)

    def purge(self):
        """Removing keeps settings and state; purging leaves nothing, not even the users."""
        with self.clean() as root:
            users = root.file("/etc/passwd").read_text(), root.file("/etc/group").read_text()
            before = root.listing()
            root.install(self.artefacts.deb)
            root.run("systemctl", "enable", "simpleai", "simpleai-runner")
            root.write("/etc/systemd/system/simpleai.service.d/port.conf", "[Service]\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n")
            root.run("simpleai", "token", "init", "--directory", "/etc/simpleai/tokens")
            root.write("/var/lib/simpleai/simpleai.db", "")
            root.write("/etc/simpleai/simpleai.yaml", ISSUER)
            root.run("dpkg", "--remove", "simpleai")
            expect(not root.file("/usr/bin/simpleai").exists(), "the program is still there")
            expect(root.file("/etc/simpleai/simpleai.yaml").read_text() == ISSUER, "removing changed the settings")
            expect(root.file("/var/lib/simpleai/simpleai.db").exists(), "removing deleted the state")
            root.run("dpkg", "--purge", "simpleai")
            left = sorted(root.listing() - before)
            created = {"etc/systemd/system/multi-user.target.wants"}
            expect(set(left) <= created, f"left behind: {left}")
            now = root.file("/etc/passwd").read_text(), root.file("/etc/group").read_text()
            expect("simpleai" not in now[0] + now[1], "users are left")
            expect(users[0] == now[0], "other users changed")

    def tarball(self):
        """Unpacked under /usr/local, as the guide states."""
        with self.clean() as root:
            shutil.copyfile(self.artefacts.one("simpleai-*-linux-*.tar.gz"), root.file("/simpleai.tar.gz"))
            root.run("tar", "-xzf", "/simpleai.tar.gz", "-C", "/usr/local", "--strip-components=1", "--no-same-owner")
            expect(root.run("simpleai", "--version").stdout.strip() == self.artefacts.version, "another version")
            root.run("systemd-sysusers")
            for unit in ("simpleai.service", "simpleai-runner.service"):
                expect("ExecStart=/usr/local/bin/simpleai" in root.file(f"/usr/local/lib/systemd/system/{unit}").read_text(), unit)
                expect(not (verified := root.run("systemd-analyze", "verify", "--man=no", unit, SYSTEMD_LOG_LEVEL="warning").stdout), verified)
            documents = root.file("/usr/local/share/doc/simpleai")
            for name in ("LICENSE", "THIRD-PARTY-LICENCES.txt", "examples/simpleai.example.yaml", "deploy/compose/compose.yaml"):
                expect((documents / name).exists(), f"{name} is missing")
