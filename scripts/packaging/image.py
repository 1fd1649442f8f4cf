"""An OCI image, written without a container engine: the program, its libraries, certificate authorities and time zones.

The tar file is an OCI image layout (https://github.com/opencontainers/image-spec) with the `manifest.json` of `docker save`,
so that `docker load`, `podman load`, `skopeo copy oci-archive:` and `ctr images import` accept it.
"""

import datetime
import json
import os
import pathlib
import re
import subprocess

import elf
import versions
from archives import Tar, compressed, digest
from staging import PackagingError

USER = 65532  # the conventional user of images without a shell
STATE = "var/lib/simpleai"
RUN = "run/simpleai"
LOADERS = {"x86_64": "lib64/ld-linux-x86-64.so.2", "aarch64": "lib/ld-linux-aarch64.so.1"}
# Loaded at run time, when the settings name a PostgreSQL database.
OPTIONAL_LIBRARIES = ["libpq.so.5"]
AUTHORITIES = "usr/share/ca-certificates/mozilla"
ZONES = "usr/share/zoneinfo"
TEXTS = {
    "etc/passwd": f"root:x:0:0:root:/:/sbin/nologin\nsimpleai:x:{USER}:{USER}:SimpleAI:/{STATE}:/sbin/nologin\n",
    "etc/group": f"root:x:0:\nsimpleai:x:{USER}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/os-release": 'ID=simpleai\nNAME="SimpleAI"\n',
}


class Libraries:
    """The libraries of a program, found where this system's loader finds them."""

    def __init__(self, machine, root=pathlib.Path("/")):
        self.root = root
        self.folders = [f"{base}/{machine}-linux-gnu" for base in ("lib", "usr/lib")] + ["lib64", "usr/lib64", "lib", "usr/lib"]

    def find(self, name):
        for folder in self.folders:
            path = self.root / folder / name
            if path.exists():
                return path
        raise PackagingError(f"{name} is not on this machine; install its package (libpq.so.5: libpq5)")

    def closure(self, names):
        """Every library that these need, by the name that the loader looks for."""
        found, open_names = {}, list(names)
        while open_names:
            name = open_names.pop()
            if name not in found:
                found[name] = self.find(name)
                open_names += elf.Program(found[name].read_bytes()).needed
        return dict(sorted(found.items()))


class DebianPackage:
    """The package of a file, for licences and the list of contents."""

    def __init__(self, name):
        self.name = name
        fields = subprocess.run(["dpkg-query", "-W", "-f", "${source:Package}\t${Version}\t${Architecture}", name],
                                stdout=subprocess.PIPE, check=True, text=True).stdout.split("\t")
        self.source, self.version, self.architecture = fields

    @property
    def purl(self):
        return f"pkg:deb/debian/{self.name}@{self.version.replace(':', '%3A').replace('+', '%2B')}?arch={self.architecture}"


def owner(path):
    """The Debian package that contains a file, or None. Since /lib is a link to /usr/lib, both spellings are asked for."""
    candidates = {str(path), os.path.realpath(path), str(path).removeprefix("/usr"), os.path.realpath(path).removeprefix("/usr")}
    for candidate in sorted(candidates):
        try:
            run = subprocess.run(["dpkg-query", "-S", candidate], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        except FileNotFoundError:
            raise PackagingError("the image is made from Debian's packages; build it on Debian or Ubuntu") from None
        if run.returncode == 0:
            return run.stdout.split(":", 1)[0]
    return None


def system_layer(program, root=pathlib.Path("/")):
    """Everything but the program: `(tar, packages)`. Its files have no time, so that it changes only when the libraries do."""
    layer = Tar(0)
    libraries = Libraries(program.machine, root)
    sources = libraries.closure(program.needed + OPTIONAL_LIBRARIES)
    loader = LOADERS[program.machine]
    paths = []
    for name, path in sources.items():
        place = loader if name == pathlib.PurePosixPath(loader).name else f"lib/{program.machine}-linux-gnu/{name}"
        layer.file(place, path.read_bytes(), 0o755)
        paths.append(path)
    paths += authorities(layer, root) + zones(layer, root)
    packages = [DebianPackage(name) for name in sorted({owner(path) for path in paths} - {None})]
    for package in packages:
        copyright_file = root / "usr/share/doc" / package.name / "copyright"
        if not copyright_file.exists():
            raise PackagingError(f"{copyright_file} is missing; an image must contain the licences of its libraries")
        layer.file(f"usr/share/doc/{package.name}/copyright", copyright_file.read_bytes())
    for name, text in TEXTS.items():
        layer.file(name, text.encode())
    layer.directory("tmp", 0o1777)
    layer.directory("etc/simpleai")
    layer.parents(STATE)
    layer.directory(STATE, 0o700, (USER, USER))
    # For volumes that the program writes: a new volume takes the owner of the folder.
    layer.parents(RUN)
    layer.directory(RUN, 0o700, (USER, USER))
    return layer, packages


def authorities(layer, root):
    """Mozilla's authorities as one file. Those that an operator added to the build machine stay there."""
    files = sorted((root / AUTHORITIES).glob("*.crt"))
    if not files:
        raise PackagingError("there are no certificate authorities on this machine; install ca-certificates")
    text = "".join(path.read_text(encoding="ascii").strip() + "\n" for path in files)
    layer.file("etc/ssl/certs/ca-certificates.crt", text.encode())
    return files[:1]


def zones(layer, root):
    """The time zones, each name once: `posix` and `right` are other views of the same."""
    found = []
    for path in sorted((root / ZONES).rglob("*")):
        name = path.relative_to(root / ZONES).as_posix()
        if path.is_file() and not name.startswith(("posix/", "right/")) and path.read_bytes()[:4] == b"TZif":
            layer.file(f"{ZONES}/{name}", path.read_bytes())
            found.append(path)
    if not found:
        raise PackagingError("there are no time zones on this machine; install tzdata")
    return [path for path in found if not path.is_symlink()][:1]


def configuration(version, machine, commit, time, layers):
    created = datetime.datetime.fromtimestamp(time, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "architecture": elf.OCI_ARCHITECTURES[machine], "os": "linux", "created": created,
        "config": {
            "User": f"{USER}:{USER}", "ExposedPorts": {"8080/tcp": {}},
            "Env": ["PATH=/usr/bin", f"HOME=/{STATE}", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
            "Entrypoint": ["/usr/bin/simpleai"], "Cmd": ["serve", "--config", "/etc/simpleai/simpleai.yaml"],
            "Volumes": {f"/{STATE}": {}}, "WorkingDir": f"/{STATE}", "StopSignal": "SIGTERM",
            # Read by Docker and Compose; Kubernetes has its own probes.
            "Healthcheck": {"Test": ["CMD", "/usr/bin/simpleai", "health"], "Interval": 30_000_000_000,
                            "Timeout": 5_000_000_000, "StartPeriod": 10_000_000_000, "Retries": 3},
            "Labels": {
                "org.opencontainers.image.title": "SimpleAI", "org.opencontainers.image.version": version,
                "org.opencontainers.image.revision": commit, "org.opencontainers.image.created": created,
                "org.opencontainers.image.licenses": "Apache-2.0",
                "org.opencontainers.image.description": "Gateway for language models on machines that may sleep",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(layer)}" for layer in layers]},
        "history": [{"created": created, "created_by": text} for text in ("libraries, authorities, time zones", "simpleai")],
    }


def build(program_file, version, commit, time, extra):
    """The bytes of the image's tar file, and the Debian packages that it contains. `extra` has further files by name."""
    program = elf.Program(program_file.read_bytes())
    system, packages = system_layer(program)
    own = Tar(time)
    own.file("usr/bin/simpleai", program_file.read_bytes(), 0o755)
    for name, data in extra.items():
        own.file(name, data)
    layers = [system.data(), own.data()]
    return layout(layers, configuration(version, program.machine, commit, time, layers), version, time), packages


def layout(layers, config, version, time):
    blobs = []

    def blob(data, kind):
        blobs.append((digest(data), data))
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest(data)}", "size": len(data)}

    described = [blob(compressed(layer), "layer.v1.tar+gzip") for layer in layers]
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": blob(encoded(config), "config.v1+json"), "layers": described}
    tag = versions.image_tag(version)
    descriptor = {**blob(encoded(manifest), "manifest.v1+json"),
                  "platform": {"architecture": config["architecture"], "os": "linux"},
                  "annotations": {"org.opencontainers.image.ref.name": tag, "io.containerd.image.name": f"docker.io/library/simpleai:{tag}"}}
    files = {f"blobs/sha256/{name}": data for name, data in blobs}
    archive = Tar(time)
    for name, data in {
        **files, "oci-layout": encoded({"imageLayoutVersion": "1.0.0"}),
        "index.json": encoded({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [descriptor]}),
        "manifest.json": encoded([{
            "Config": path_of(manifest["config"]), "RepoTags": [f"simpleai:{tag}"],
            "Layers": [path_of(layer) for layer in described]}]),
    }.items():
        archive.file(name, data)
    return archive.data()


def encoded(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def path_of(descriptor):
    return "blobs/" + re.sub(":", "/", descriptor["digest"], count=1)
