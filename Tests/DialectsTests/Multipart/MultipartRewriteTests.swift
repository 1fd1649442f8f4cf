import SimpleAICore
import Testing

@testable import Dialects

@Suite struct MultipartRewriteTests {
    private static let bodies: [[UInt8]] = [
        FormText.body([FormText.field("model", "whisper-1"), FormText.file]),
        FormText.body([FormText.file, FormText.field("model", "w")]),
        FormText.body([
            ("Content-Length: 9\r\nContent-Disposition: form-data; name=\"model\"", "whisper-1"), FormText.file,
        ]),
        FormText.body([
            FormText.file, ("Content-Disposition: form-data; name=\"model\"\r\nContent-Length: 001", "w"),
        ]),
    ]

    private static func apply(_ rewrite: MultipartRewrite, to body: [UInt8], cuts: [Int]) -> [UInt8] {
        var result: [UInt8] = []
        for (start, end) in zip([0] + cuts, cuts + [body.count]) {
            for segment in rewrite.segments(of: start..<end) {
                switch segment {
                case .original(let range): result += body[range]
                case .replacement(let bytes): result += bytes
                }
            }
        }
        return result
    }

    @Test(arguments: bodies, ["m", "Systran/faster-whisper-large-v3", "é"])
    func theModelIsReplacedWhereverTheBodyIsCut(body: [UInt8], model: String) throws {
        let form = try FormText.scan(body).get()
        let rewrite = try MultipartRewrite(form, model: model)
        let whole = Self.apply(rewrite, to: body, cuts: [])
        #expect(whole.count == rewrite.contentLength)
        #expect(rewrite.originalLength == body.count)
        let sent = try FormText.scan(whole).get()
        #expect(sent.model == model)
        #expect(sent.fileLength == form.fileLength)
        #expect(
            Self.apply(try MultipartRewrite(sent, model: form.model), to: whole, cuts: []).count <= body.count)
        for first in 0...body.count {
            #expect(Self.apply(rewrite, to: body, cuts: [first]) == whole, "cut at \(first)")
            let second = min(first + 1, body.count)
            #expect(Self.apply(rewrite, to: body, cuts: [first, second]) == whole, "cuts at \(first), \(second)")
        }
        #expect(Self.apply(rewrite, to: body, cuts: Array(1..<body.count)) == whole)
    }

    @Test func everythingElseStays() throws {
        let form = try FormText.scan(Self.bodies[0]).get()
        let expected = FormText.body([FormText.field("model", "large"), FormText.file])
        #expect(Self.apply(try MultipartRewrite(form, model: "large"), to: Self.bodies[0], cuts: []) == expected)
        #expect(Self.apply(MultipartRewrite(length: expected.count), to: expected, cuts: [3, 9]) == expected)
        #expect(MultipartRewrite(length: 7).contentLength == 7)
    }

    /// The caller chooses the boundary, and may know the engine's name of the model.
    @Test func aNameThatContainsTheBoundaryIsRefused() throws {
        let form = try FormText.scan(Self.bodies[0]).get()
        #expect(throws: GatewayError.self) { try MultipartRewrite(form, model: "llama--B7") }
        #expect(throws: Never.self) { try MultipartRewrite(form, model: "llama-B7") }
    }
}
