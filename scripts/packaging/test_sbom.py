"""The bill of materials and the provenance statement."""

import unittest

import sbom


class Linked:
    name, version, licence, revision = "swift-x", "1.0.0", "Apache-2.0", "abc"
    location, purl = "https://example.com/swift-x", "pkg:swift/example.com/swift-x@1.0.0"


class Contained:
    name, version, purl = "libc6", "2.36", "pkg:deb/debian/libc6@2.36?arch=amd64"


class BillTests(unittest.TestCase):
    def bill(self, program=b"program"):
        return sbom.spdx("1.2.3", 0, program, "Swift 6", [Linked], [Contained], {"simpleai-1.2.3-oci.tar": b"image"}, ["libc.so.6"])

    def test_relations_lead_from_the_document_to_everything(self):
        bill = self.bill()
        identifiers = {package["SPDXID"] for package in bill["packages"]}
        self.assertEqual(len(identifiers), len(bill["packages"]))
        related = {(one["relationshipType"], one["relatedSpdxElement"]) for one in bill["relationships"]}
        self.assertLessEqual({("DESCRIBES", "SPDXRef-Program-simpleai"), ("STATIC_LINK", "SPDXRef-Swift-swift-x"),
                              ("DYNAMIC_LINK", "SPDXRef-Library-libc.so.6"), ("CONTAINS", "SPDXRef-Debian-libc6")}, related)
        for one in bill["relationships"]:
            self.assertLessEqual({one["spdxElementId"], one["relatedSpdxElement"]}, identifiers | {"SPDXRef-DOCUMENT"})

    def test_the_namespace_follows_the_program(self):
        self.assertEqual(self.bill()["documentNamespace"], self.bill()["documentNamespace"])
        self.assertNotEqual(self.bill()["documentNamespace"], self.bill(b"another")["documentNamespace"])

    def test_the_statement_names_source_and_dependencies(self):
        statement = sbom.provenance("1.2.3", 0, "c0ffee", "https://example.com/simpleai", "-O", "Swift 6", [Linked], {"a.deb": b"x"})
        self.assertEqual(statement["subject"][0]["name"], "a.deb")
        definition = statement["predicate"]["buildDefinition"]
        self.assertEqual(definition["externalParameters"]["source"]["digest"], {"gitCommit": "c0ffee"})
        self.assertEqual(definition["resolvedDependencies"], [{"uri": "git+https://example.com/swift-x@1.0.0", "digest": {"gitCommit": "abc"}}])
