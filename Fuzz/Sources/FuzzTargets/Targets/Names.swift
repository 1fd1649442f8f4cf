import NIOCore
import NIOHTTP1
import SimpleAICore

@testable import FleetControl
@testable import Relay

extension FuzzTarget {
    /// Names and values of fields from outside: no control character is ever written in a line protocol, and each
    /// value ends where its field, comment, pair or label ends.
    static let namesAndFields = FuzzTarget(
        "names",
        seeds: [
            "llama3:8b", "a\r\nX-Evil: 1", "a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "a\n\ndata: {\"forged\":true}\n\n", "a\" status=200 caller=\"b", "\u{1B}[2J\u{1B}]0;x\u{7}", "a\u{202E}b",
            "a\u{2028}b\u{85}c", "m\"} 1\nsimpleai_calls_total 7", "我的模型[test] v2",
            #"{"data":[{"id":"a"},{"id":"b\r\n"},{"id":null},{"id":7},"c"]}"#,
        ],
        words: [
            "\r\n", "\n", "\r", "\0", "\u{1B}[", "\u{9B}", "\u{85}", "\u{2028}", "\u{2029}", "\u{202E}", "\u{2066}",
            "\u{FEFF}",
            "\u{200B}", "\"", "\\", "=", ": ", "data: ", " HTTP/1.1\r\n", "{\"id\":\"", "\"}", "\u{212A}", "\u{E0061}",
        ]
    ) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        try head(text)
        try target(text)
        try comment(text)
        try pairs(text)
        try label(text)
        if NameFault(in: text) == nil {
            try require(text.unicodeScalars.allSatisfy { !$0.isForbiddenInNames }, "a name with a forbidden character")
            let fields: HTTPHeaders = ["x-simpleai-model": text]
            try require(fields.neutralized == fields, "a name changes on its way into a field")
        }
        for model in EngineModelList(ByteBuffer(bytes: bytes))?.models ?? [] {
            try require(NameFault(in: model.rawValue) == nil, "a list lets \(JSONString.encode(model.rawValue)) in")
        }
    }

    /// HTTP/1 and the fields that HTTP/2 gets.
    private static func head(_ text: String) throws {
        let head = HTTPResponseHead(
            version: .http1_1, status: .custom(code: 299, reasonPhrase: text),
            headers: ["x-a": text, text: "b", "x-z": "z"])
        for head in [head, head.neutralized] {
            var bytes = ByteBuffer()
            ResponseWriter.write(head, into: &bytes)
            let lines = Array(bytes.readableBytesView).split(separator: 0x0A, omittingEmptySubsequences: false)
            try require((5...6).contains(lines.count) && lines.last?.isEmpty == true, "\(lines.count) lines of a head")
            for line in lines.dropLast() {
                try require(
                    line.last == 0x0D && line.dropLast().allSatisfy(Byte.isInFieldValue),
                    "a line with a control character")
            }
            try require(lines.contains { $0.elementsEqual("x-z: z\r".utf8) }, "the field behind is lost")
        }
        for (name, value) in head.neutralized.headers {
            try require(name.utf8.allSatisfy(Byte.isInFieldValue), "a field's name has a control character")
            try require(value.utf8.allSatisfy(Byte.isInFieldValue), "a field's value has a control character")
        }
    }

    private static func target(_ text: String) throws {
        var bytes = ByteBuffer()
        RequestWriter.write(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/" + text), into: &bytes)
        let line = Array(bytes.readableBytesView).split(separator: 0x0D).first ?? []
        try require(line.split(separator: 0x20).count == 3, "the request line has other parts than three")
        try require(line.count + 4 == bytes.readableBytes, "the request line ends early")
    }

    /// A parser of event streams splits lines at CR LF, LF and CR (WHATWG HTML §9.2.5).
    private static func comment(_ text: String) throws {
        let line = ": served by \(JSONString.visible(text))"
        try require(!line.utf8.contains { $0 == 0x0A || $0 == 0x0D }, "a comment ends early")
        try require(line.unicodeScalars.allSatisfy(\.isVisible), "a comment with a control character")
    }

    private static func pairs(_ text: String) throws {
        let value = LogValue.text(text)
        try require(value.unicodeScalars.allSatisfy(\.isVisible), "a log line with a control character")
        if value.utf8.first == UInt8(ascii: "\"") {
            let content = value.utf8.dropFirst().dropLast()
            var isEscaped = false
            for byte in content {
                try require(byte != UInt8(ascii: "\"") || isEscaped, "a value ends early")
                isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
            }
            try require(
                !isEscaped && JSONString.decode(value.utf8).utf8.elementsEqual(text.utf8), "another value is read")
        } else {
            try require(value.utf8.elementsEqual(text.utf8) && !text.utf8.contains(UInt8(ascii: " ")), "not quoted")
        }
    }

    private static func label(_ text: String) throws {
        var page = ExpositionPage()
        page.metric("m", .gauge, "Help.") { $0.sample(["a": text], 1) }
        let lines = page.text.split(whereSeparator: \.isNewline)
        try require(lines.count == 3 && lines[2].hasSuffix("\"} 1"), "a label makes \(lines.count) lines")
        try require(
            page.text.unicodeScalars.allSatisfy { $0.isVisible || $0 == "\n" }, "a page with a control character")
    }
}
