"""The Helm chart and the manifests, with the version of a release in place of the development one."""

import versions
from archives import Tar, compressed

CHART = "deploy/kubernetes/chart"
DEVELOPMENT = "0.0.0-dev"


def versioned(name, data, version):
    """A file of `deploy` for a release. Chart.yaml states the version itself; tags of images and labels allow no `+`."""
    stated = version if name.endswith("Chart.yaml") else versions.image_tag(version)
    return data.replace(DEVELOPMENT.encode(), stated.encode())


def archive(root, version, time):
    """The chart as `helm package` writes it, without the times of the build machine."""
    target = Tar(time)
    for path in sorted((root / CHART).rglob("*")):
        if path.is_file():
            name = path.relative_to(root / CHART).as_posix()
            target.file(f"simpleai/{name}", versioned(name, path.read_bytes(), version))
    return compressed(target.data())
