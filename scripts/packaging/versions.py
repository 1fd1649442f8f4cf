"""The version of a build, from git's tags, and how each kind of package writes it."""

import os
import pathlib
import re
import subprocess

VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
# What `git describe --long` prints: the tag, the number of commits since, and the commit.
DESCRIPTION = re.compile(r"v(?P<base>\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+?)?)-(?P<commits>\d+)-g(?P<commit>[0-9a-f]+)(?P<dirty>-dirty)?")
COMMIT_LENGTH = 10  # fixed, because git's own choice depends on the number of objects in a clone


def version_from(description, commits_in_all=0):
    """The version for the output of `git describe --tags --long --always --dirty`.

    At a tag it is the tag's, and after it `1.2.3+4.gCOMMIT`: build metadata of Semantic Versioning, which sorts after 1.2.3 in
    Debian packages, too. Without a tag it counts all commits from 0.0.0. A work tree with changes adds `.dirty`.
    """
    if match := DESCRIPTION.fullmatch(description):
        metadata = [] if match["commits"] == "0" else [match["commits"], "g" + match["commit"]]
        base, dirty = match["base"], match["dirty"]
    elif match := re.fullmatch(r"([0-9a-f]+)(-dirty)?", description):
        base, metadata, dirty = "0.0.0", [str(commits_in_all), "g" + match[1]], match[2]
    else:
        raise ValueError(f"no version in \"{description}\"; tags for releases are called vMAJOR.MINOR.PATCH")
    metadata += ["dirty"] if dirty else []
    return base + ("+" + ".".join(metadata) if metadata else "")


def git(root, *arguments):
    run = subprocess.run(["git", "-C", str(root), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode != 0:
        raise ValueError(f"git {' '.join(arguments)}: {run.stderr.strip()}")
    return run.stdout.strip()


def current(root):
    """The version of the work tree in `root`; SIMPLEAI_VERSION replaces it, for sources without a repository."""
    if stated := os.environ.get("SIMPLEAI_VERSION"):
        if not VERSION.fullmatch(stated):
            raise ValueError(f"SIMPLEAI_VERSION is \"{stated}\", which is not a version; versions are MAJOR.MINOR.PATCH")
        return stated
    if not pathlib.Path(root, ".git").exists():
        raise ValueError("there is no git repository; set SIMPLEAI_VERSION")
    description = git(root, "describe", "--tags", "--long", "--always", "--dirty", "--match", "v[0-9]*",
                      f"--abbrev={COMMIT_LENGTH}")
    return version_from(description, int(git(root, "rev-list", "--count", "HEAD")))


def commit(root):
    return git(root, "rev-parse", "HEAD") if pathlib.Path(root, ".git").exists() else "unknown"


def commit_time(root):
    """The time of the commit in seconds since 1970: the time of every file in a package."""
    return int(git(root, "log", "-1", "--format=%ct")) if pathlib.Path(root, ".git").exists() else 0


def debian(version):
    """Debian's form: a pre-release sorts before its release by `~`."""
    base, _, metadata = version.partition("+")
    return base.replace("-", "~", 1) + ("+" + metadata if metadata else "")


def image_tag(version):
    """The form for tags of images and for Kubernetes' labels, which allow no `+`."""
    return version.replace("+", "_")


def section(changelog, version):
    """The text of a version's section in CHANGELOG.md, or None."""
    heading = rf"## \[?{re.escape(version)}\]? - \d{{4}}-\d{{2}}-\d{{2}}[ \t]*\n"
    match = re.search(rf"^{heading}(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return match[1].strip() if match else None


def release_problems(version, changelog):
    """Why a release of this work tree is refused; empty for a release."""
    if "dirty" in version:
        yield "the work tree has changes; commit them, or remove them"
    if "+" in version:
        base = version.partition("+")[0]
        yield f"HEAD has no tag: this build would be {version}; create the tag: git tag -s vX.Y.Z -m \"SimpleAI X.Y.Z\" (after {base})"
    elif not section(changelog, version):
        yield f"CHANGELOG.md has no section \"## {version} - YYYY-MM-DD\" with text; rename Unreleased"
