"""The packages that are linked into the program, with their licences."""

import json
import pathlib
import re

# How the licence file of a package begins, and its SPDX identifier.
KINDS = [(r"Apache License\s+Version 2\.0", "Apache-2.0"), (r"Permission is hereby granted, free of charge", "MIT")]
# The whole text, from its title to the end of its appendix; an exception after it stays.
APACHE = re.compile(r"[ \t]*Apache License\s+Version 2\.0.*?limitations under the License\.", re.DOTALL)
NAMES = re.compile(r"(LICEN[CS]E|NOTICE|COPYING)(\.(txt|md))?$", re.IGNORECASE)


class Dependency:
    """A resolved Swift package."""

    def __init__(self, pin, checkouts):
        self.name = pin["location"].rstrip("/").removesuffix(".git").rsplit("/", 1)[-1]
        self.location = pin["location"].removesuffix(".git")
        self.version, self.revision = pin["state"]["version"], pin["state"]["revision"]
        folder = checkouts / self.name
        self.texts = {path.name: path.read_text(encoding="utf-8", errors="replace").strip()
                      for path in sorted(folder.iterdir()) if path.is_file() and NAMES.match(path.name)} if folder.is_dir() else {}

    @property
    def licence(self):
        """The SPDX identifier, or NOASSERTION for a text that is not known here."""
        for name, text in self.texts.items():
            if not name.upper().startswith("NOTICE"):
                for pattern, identifier in KINDS:
                    if re.search(pattern, text):
                        return identifier
        return "NOASSERTION"

    @property
    def purl(self):
        return f"pkg:swift/{self.location.split('://', 1)[-1]}@{self.version}"


def dependencies(resolved, checkouts):
    """The packages of Package.resolved, by name."""
    pins = json.loads(pathlib.Path(resolved).read_text(encoding="utf-8"))["pins"]
    return sorted((Dependency(pin, pathlib.Path(checkouts)) for pin in pins), key=lambda one: one.name.lower())


def notices(packages, own_licence, common=None):
    """One text with the licences of the program and of everything linked into it; each text once.

    `common`: where the system has the Apache License, which is then named instead of repeated.
    """
    def shortened(text):
        return APACHE.sub(f"Apache License 2.0: {common}", text) if common else text

    parts = ["SimpleAI\n\n" + shortened(own_licence.strip())]
    seen = {own_licence.strip(): "SimpleAI"}
    for package in packages:
        part = [f"{package.name} {package.version}\n{package.location}"]
        for name, text in package.texts.items():
            part.append(f"{name}: the same text as that of {seen[text]}." if text in seen else shortened(text))
            seen.setdefault(text, package.name)
        parts.append("\n\n".join(part))
    parts.append("Swift runtime and Foundation\nhttps://www.swift.org\n\nApache License 2.0 with Runtime Library Exception. "
                 "Foundation contains ICU (Unicode License v3).")
    return ("\n\n" + "-" * 78 + "\n\n").join(parts) + "\n"
