"""The units under a real systemd: a clean Debian booted by systemd-nspawn, in this network namespace."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from installation import MAXIMAL_SECONDS, Engine, answer, fetch
from report import Skipped, expect, run
from roots import Root, repacked

BOOT_SECONDS = 60


class Booted(Root):
    """A root whose first process is systemd."""

    def __enter__(self):
        if not shutil.which("systemd-nspawn"):
            raise Skipped("systemd-nspawn is missing; install systemd-container (scripts/setup --tests)")
        super().__enter__()
        run("umount", self.path / "proc")
        self.log, self.leader = tempfile.TemporaryFile("w+"), None
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", f"--directory={self.path}", "--register=no", "--keep-unit", "--private-users=no",
             "--link-journal=no", "--console=pipe", "/lib/systemd/systemd"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        try:
            self.leader = self.first_process()
            self.wait_until_booted()
        except BaseException:
            self.__exit__()
            raise
        return self

    def first_process(self):
        """The process of systemd, which has the number 1 inside."""
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            for folder in pathlib.Path("/proc").glob("[0-9]*"):
                try:
                    status = folder.joinpath("status").read_text()
                except OSError:
                    continue
                if re.search(r"^Name:\tsystemd$", status, re.MULTILINE) and re.search(r"^NSpid:\t\d+\t1$", status, re.MULTILINE):
                    return int(folder.name)
            time.sleep(0.05)
        return self.give_up("systemd did not start")

    def wait_until_booted(self):
        deadline, state = time.monotonic() + BOOT_SECONDS, ""
        while time.monotonic() < deadline and self.process.poll() is None:
            state = self.run("systemctl", "is-system-running", "--wait", ok=None).stdout.strip()
            if state in ("running", "degraded"):
                return
            time.sleep(0.1)
        self.give_up(f"its state is \"{state}\"")

    def give_up(self, reason):
        self.log.seek(0)
        raise Skipped(f"this machine boots no systemd in a root: {reason}\n{self.log.read()[-500:]}")

    def command(self, *command):
        return ["nsenter", f"--target={self.leader}", "--mount", "--uts", "--ipc", "--pid", "--root", "--wd=/", *map(str, command)]

    def __exit__(self, *_):
        # Its first process ends a whole process namespace; without one there is nothing but nspawn.
        if self.leader:
            os.kill(self.leader, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait(timeout=30)
        super().__exit__()

    def property(self, unit, name):
        return self.run("systemctl", "show", "--property", name, "--value", unit).stdout.strip()

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit", unit).stdout


class Units:
    """The services as systemd starts, reloads, restarts and stops them, with all their restrictions in force."""

    def __init__(self, artefacts):
        self.artefacts, self.lower = artefacts, None

    def services(self):
        with Booted(self.lower) as root, Engine(self.artefacts.root) as engine:
            started = time.monotonic()
            root.install(self.artefacts.deb)
            root.run("simpleai", "setup", "--yes", "--engine", engine["url"])
            expect(root.property("simpleai", "ActiveState") == "active", "setup did not start the service:\n" + root.journal("simpleai"))
            expect(root.run("systemctl", "is-enabled", "simpleai").stdout.strip() == "enabled", "setup did not enable the service")
            token = root.run("simpleai", "token", "--role", "admin").stdout.strip()
            self.awaited(lambda: self.healthy(root), "the gateway was not healthy", root, "simpleai")
            text = answer(token)
            seconds = time.monotonic() - started
            expect(seconds < MAXIMAL_SECONDS, f"{seconds:.0f} s until the first answer; {MAXIMAL_SECONDS} s are allowed")
            self.confined(root, "simpleai")
            root.run("systemctl", "reload", "simpleai")
            first = root.property("simpleai", "MainPID")
            root.run("simpleai", "setup", "--yes", "--force", "--engine", engine["url"])
            expect(root.property("simpleai", "MainPID") != first, "setup --force did not restart the service")
            expect(answer(token), "a second setup moved the gateway to another port, or replaced the key")
            line = re.search(r"simpleai setup --runner .*", root.run("simpleai", "invite", "gpu-1", "--token", token).stdout)
            root.run("sh", "-c", f"{line[0]} --yes --engine {engine['url']}")
            self.awaited(lambda: "gpu-1" in str(fetch("/admin/api/fleet", token)[1]), "the agent did not join", root, "simpleai-runner")
            self.confined(root, "simpleai-runner")
            root.run("systemctl", "stop", "simpleai-runner", "simpleai")
            for unit in ("simpleai", "simpleai-runner"):
                expect(root.property(unit, "Result") == "success", f"{unit} ended with {root.property(unit, 'Result')}:\n{root.journal(unit)}")
            return f"{seconds:.1f} s and three commands (dpkg, setup, a call) until {text!r}"

    def confined(self, root, unit):
        status = pathlib.Path(root.path, "proc").exists() and root.run("cat", f"/proc/{root.property(unit, 'MainPID')}/status").stdout
        for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
            expect(line in status, f"{unit}: no {line!r} in\n{status}")
        expect(not re.search(r"^Uid:\t0\t", status, re.MULTILINE), f"{unit} runs as root")

    def awaited(self, holds, text, root, unit, seconds=60):
        deadline = time.monotonic() + seconds
        while not holds():
            expect(time.monotonic() < deadline, f"{text} within {seconds} s:\n{root.journal(unit)[-2000:]}")
            time.sleep(0.2)

    def upgrades(self):
        """An upgrade restarts the service; with settings that the new version refuses, the former process goes on serving."""
        with Booted(self.lower) as root, Engine(self.artefacts.root) as engine:
            root.install(repacked(self.artefacts.deb, root.folder, "0.0.0~former"))
            root.run("simpleai", "setup", "--yes", "--engine", engine["url"])
            token = root.run("simpleai", "token").stdout.strip()
            self.awaited(lambda: self.healthy(root), "the gateway was not healthy", root, "simpleai")
            first = root.property("simpleai", "MainPID")
            root.install(repacked(self.artefacts.deb, root.folder, "0.0.1"))
            second = root.property("simpleai", "MainPID")
            expect(first != second != "0", "the upgrade did not restart the service")
            self.awaited(lambda: self.healthy(root), "the gateway was not healthy after the upgrade", root, "simpleai")
            answer(token)
            settings = root.file("/etc/simpleai/simpleai.yaml")
            settings.write_text(settings.read_text() + "no_such_section: { key: 1 }\n")
            output = root.install(repacked(self.artefacts.deb, root.folder, "0.0.2"))
            expect("no_such_section" in output and "simpleai.service is not restarted" in output, output)
            expect(root.property("simpleai", "MainPID") == second, "the service was restarted with settings that it refuses")
            answer(token)
            root.run("dpkg", "--purge", "simpleai")
            expect(root.property("simpleai", "ActiveState") != "active", "the service runs without its package")

    def healthy(self, root):
        return root.run("simpleai", "health", ok=None).returncode == 0
