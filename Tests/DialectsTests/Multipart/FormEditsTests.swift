import SimpleAICore
import TestSupport
import Testing

@testable import Dialects

/// `models.parameters` in forms.
@Suite struct FormEditsTests {
    private typealias Part = (header: String, value: String)

    private static let model = FormText.field("model", "w")

    /// The body that is sent, wherever it is cut.
    private func apply(_ edits: BodyEdits, to parts: [Part]) throws -> String {
        let body = FormText.body(parts)
        let rewrite = try MultipartRewrite(try FormText.scan(body).get(), model: "w", parameters: edits)
        func sent(_ cut: Int) -> [UInt8] {
            [0..<cut, cut..<body.count].flatMap(rewrite.segments).flatMap { segment in
                switch segment {
                case .original(let range): Array(body[range])
                case .replacement(let bytes): bytes
                }
            }
        }
        let whole = sent(0)
        #expect(whole.count == rewrite.contentLength)
        for cut in body.indices { #expect(sent(cut) == whole, "cut at \(cut)") }
        _ = try FormText.scan(whole).get()
        return String(decoding: whole, as: UTF8.self)
    }

    private static let cases: [(BodyEdits, [Part], [Part])] = [
        (edits([("a", "1")]), [model], [FormText.field("a", "1"), model]),
        (edits([("a", "1")]), [FormText.field("A", ""), model], [FormText.field("A", ""), model]),
        (
            edits([("a", "\"x\\ny\""), ("b", "true"), ("c", "null"), ("d", "[1]"), ("e.f", "1")]), [model],
            [FormText.field("a", "x\ny"), FormText.field("b", "true"), model]
        ),
        (
            edits(force: [("a", "2")]), [FormText.file, FormText.field("a", "1"), model],
            [FormText.file, FormText.field("a", "2"), model]
        ),
        (edits(force: [("a", "2")]), [FormText.field("a", ""), model], [FormText.field("a", "2"), model]),
        (
            edits(force: [("a_b", "2")]), [FormText.field("aB", "1"), model, FormText.field("a-b", "1")],
            [FormText.field("a_b", "2"), model]
        ),
        (
            edits(force: [("a", "2")]), [FormText.field("a", "0"), model, FormText.field("a", "1")],
            [model, FormText.field("a", "2")]
        ),
        (
            edits(force: [("a", "22")]),
            [model, ("Content-Disposition: form-data; name=\"a\"\r\nContent-Length: 1", "1")],
            [model, ("Content-Disposition: form-data; name=\"a\"\r\nContent-Length: 2", "22")]
        ),
        (
            edits(max: [("a", "5")]), [FormText.field("a", "7.5"), FormText.field("A", "4"), model],
            [FormText.field("a", "5"), FormText.field("A", "4"), model]
        ),
        (edits(max: [("a", "5")]), [FormText.field("a", "many"), model], [FormText.field("a", "5"), model]),
        (edits(max: [("a", "5")]), [FormText.field("a", "nan"), model], [FormText.field("a", "5"), model]),
        (edits([("a", "9")], max: [("a", "5")]), [model], [FormText.field("a", "5"), model]),
        (edits(max: [("a", "5")]), [model], [model]),
        (
            edits(remove: ["a", "file", "model"]),
            [FormText.field("a", "1"), model, FormText.field("A", "2"), FormText.file], [model, FormText.file]
        ),
        (
            edits(force: [("a", "1")], max: [("b", "1")], remove: ["c"]),
            [
                FormText.field("a", String(repeating: "x", count: 2_000)), model,
                FormText.field("b", String(repeating: "1", count: 2_000)),
                FormText.field("c", String(repeating: "x", count: 2_000)),
            ],
            [FormText.field("a", "1"), model, FormText.field("b", "1")]
        ),
    ]

    @Test(arguments: cases.indices)
    func fieldsAreChanged(_ index: Int) throws {
        let (edits, parts, expected) = Self.cases[index]
        #expect(try apply(edits, to: parts) == String(decoding: FormText.body(expected), as: UTF8.self))
    }

    /// The caller chooses the boundary, and may know the parameters.
    @Test(arguments: [edits([("a", "\"x--B7\"")]), edits(force: [("b", "\"--B\"")])])
    func aValueThatContainsTheBoundaryIsRefused(_ edits: BodyEdits) throws {
        let form = try FormText.scan(FormText.body([FormText.field("b", "1"), Self.model])).get()
        let error = #expect(throws: GatewayError.self) { try MultipartRewrite(form, model: "w", parameters: edits) }
        #expect(error?.code == .invalidRequest)
    }
}
