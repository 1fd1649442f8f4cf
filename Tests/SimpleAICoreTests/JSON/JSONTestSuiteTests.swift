import SimpleAICore
import Foundation
import TestSupport
import Testing

/// nst/JSONTestSuite, `test_parsing`: y must be accepted, n refused, i may be either.
@Suite(
    .enabled(
        if: Corpora.hasJSONParsing,
        "SKIP: JSONTestSuite is not at \(Corpora.jsonParsingPath); set SIMPLEAI_CORPORA to where it is"))
struct JSONTestSuiteTests {
    @Test func acceptsValidDocuments() throws {
        let files = try Corpora.jsonParsingFiles("y_")
        #expect(files.count >= 95)
        for file in files {
            let error = Scanned(file.bytes).error
            #expect(error == nil, "\(file.name)")
            #expect(JSONSlice(document: file.bytes[...]) != nil, "\(file.name)")
        }
    }

    @Test func refusesInvalidDocuments() throws {
        let files = try Corpora.jsonParsingFiles("n_")
        #expect(files.count >= 187)
        for file in files {
            #expect(Scanned(file.bytes).error != nil, "\(file.name)")
            #expect(JSONSlice(document: file.bytes[...]) == nil, "\(file.name)")
        }
    }

    /// Either verdict is allowed; it must be the same for every cut, and for both readers of the project.
    @Test func isConsistentAboutOptionalDocuments() throws {
        let files = try Corpora.jsonParsingFiles("i_")
        #expect(files.count >= 35)
        for file in files {
            let whole = Scanned(file.bytes)
            #expect(Scanned(file.bytes.indices.map { file.bytes[$0...$0] }) == whole, "\(file.name)")
            #expect((JSONSlice(document: file.bytes[...]) == nil) == (whole.error != nil), "\(file.name)")
        }
    }
}
