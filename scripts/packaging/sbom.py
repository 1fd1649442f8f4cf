"""What a release consists of (SPDX 2.3) and where it comes from (in-toto statement with SLSA provenance)."""

import datetime
import re
import uuid

from archives import digest

SPDX_NAMESPACE = "urn:uuid:"


def instant(time):
    return datetime.datetime.fromtimestamp(time, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def identifier(*parts):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", "-".join(parts))


def package(name, version, kind, licence, purl=None, location="NOASSERTION", sha256=None):
    found = {
        "SPDXID": identifier(kind, name), "name": name, "versionInfo": version, "downloadLocation": location,
        "filesAnalyzed": False, "licenseConcluded": licence, "licenseDeclared": licence, "copyrightText": "NOASSERTION",
        "supplier": "NOASSERTION",
    }
    if purl:
        found["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}]
    if sha256:
        found["checksums"] = [{"algorithm": "SHA256", "checksumValue": sha256}]
    return found


def spdx(version, time, program, swift, linked, image_packages, artefacts, libraries):
    """The bill of materials of all artefacts: what is linked into the program, what it loads, and what the image adds.

    `linked`: Swift packages; `image_packages`: Debian's, in the image; `artefacts`: `{file name: bytes}`; `libraries`:
    names that the loader looks for.
    """
    main = package("simpleai", version, "Program", "Apache-2.0", sha256=digest(program))
    packages, relations = [main], [("SPDXRef-DOCUMENT", "DESCRIBES", main["SPDXID"])]
    for one in linked:
        found = package(one.name, one.version, "Swift", one.licence, one.purl, f"git+{one.location}@{one.revision}")
        packages.append(found)
        relations.append((main["SPDXID"], "STATIC_LINK", found["SPDXID"]))
    runtime = package("swift", swift, "Toolchain", "NOASSERTION", location="https://www.swift.org/install")
    packages.append(runtime)
    relations.append((main["SPDXID"], "STATIC_LINK", runtime["SPDXID"]))
    for name in libraries:
        found = package(name, "NOASSERTION", "Library", "NOASSERTION")
        del found["versionInfo"]
        packages.append(found)
        relations.append((main["SPDXID"], "DYNAMIC_LINK", found["SPDXID"]))
    for name, data in sorted(artefacts.items()):
        found = package(name, version, "Artefact", "NOASSERTION", sha256=digest(data))
        found["packageFileName"] = name
        packages.append(found)
        relations.append((found["SPDXID"], "CONTAINS", main["SPDXID"]))
        if name.endswith("-oci.tar"):
            image = found["SPDXID"]
    for one in image_packages:
        found = package(one.name, one.version, "Debian", "NOASSERTION", one.purl)
        packages.append(found)
        relations.append((image, "CONTAINS", found["SPDXID"]))
    name = f"simpleai-{version}"
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": name,
        # The same release has the same name; another one has another.
        "documentNamespace": SPDX_NAMESPACE + str(uuid.uuid5(uuid.NAMESPACE_OID, name + digest(program))),
        "creationInfo": {"created": instant(time), "creators": ["Tool: simpleai-scripts-package"]},
        "packages": packages,
        "relationships": [{"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
                          for one, kind, other in relations],
    }


def provenance(version, time, commit, repository, flags, swift, linked, artefacts):
    """An unsigned statement; the signature over SHA256SUMS covers it. https://slsa.dev/spec/v1.0/provenance"""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest(data)}} for name, data in sorted(artefacts.items())],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:simpleai:build:make-package:1",
                "externalParameters": {"version": version, "source": {"uri": repository, "digest": {"gitCommit": commit}}},
                "internalParameters": {"swift": swift, "flags": flags, "sourceDateEpoch": time},
                "resolvedDependencies": [
                    {"uri": f"git+{one.location}@{one.version}", "digest": {"gitCommit": one.revision}} for one in linked],
            },
            "runDetails": {"builder": {"id": "urn:simpleai:builder:local"}, "metadata": {"invocationId": commit}},
        },
    }
