import Foundation
import NIOCore

@testable import Relay
@testable import SimpleAICore

extension FuzzTarget {
    /// The body of a call: the scanner compared with Foundation's parser, in one piece and in many; and the forwarded
    /// body.
    static let body = FuzzTarget(
        "body",
        seeds: [
            #"{"model":"class:fast","messages":[{"role":"user","content":"hi"}],"stream":true}"#,
            #"{ "messages" : [] , "stream_options" : { "include_usage" : false , "x":[1,2] } , "model" : null }"#,
            #"{"messages":[],"m\u006fdel":"\ud83d\ude00","max_tokens":1.5e3,"user":"ü€😀","x":{"model":"y"}}"#,
            #"{"input":"x","previous_response_id":"resp_1","max_output_tokens":9223372036854775807}"#,
            #"{"prompt":"","a":[[[[{}]]]],"b":-0.0,"c":1E-7,"d":true,"e":null,"f":"\"\\\/\b\f\n\r\t"}"#,
        ],
        words: [
            "\"model\"", "\"stream\"", "\"messages\"", "\"stream_options\"", "\"include_usage\"", "{", "}", "[", "]",
            ":",
            ",", "\"", "\\u0000", "\\ud800", "null", "true", "1e999", "-", "\u{FEFF}", "\u{1F600}", "/*", "'", "NaN",
        ]
    ) { bytes in
        let whole = Scan(bytes, in: [bytes[...]])
        for pieces in cuts(of: bytes) {
            try require(Scan(bytes, in: pieces) == whole, "pieces are read differently")
        }
        let theirs = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
        if whole.isValid, theirs == nil {
            try require(mayBeTakenByUsAlone(bytes), "we alone take it")
        } else if !whole.isValid, !whole.isAmbiguous, theirs != nil {
            try require(mayBeTakenByFoundationAlone(bytes), "Foundation alone takes it")
        }
        for endpoint in Endpoint.allCases {
            try checkForwarding(bytes, endpoint, theirs as? [String: Any])
        }
    }

    private struct Scan: Equatable {
        var error: JSONError?
        var members: [JSONScanner.Member?] = []

        var isValid: Bool { error == nil }
        var isAmbiguous: Bool { if case .duplicateKey = error?.reason { true } else { false } }

        private static let names = ["model", "stream", "messages"]

        init(_ bytes: [UInt8], in pieces: [ArraySlice<UInt8>]) {
            var scanner = JSONScanner(watching: JSONScanner.Keys(Self.names))
            do throws(JSONError) {
                for piece in pieces { try scanner.scan(piece) }
                try scanner.finish()
            } catch {
                self.error = error
                return
            }
            members = Self.names.map { scanner.member($0) }
        }
    }

    /// Foundation guesses encodings, and accepts a byte order mark and a comma after the last element or member.
    private static func mayBeTakenByFoundationAlone(_ bytes: [UInt8]) -> Bool {
        String(decoding: bytes, as: UTF8.self).contains(/,[ \t\r\n]*[\]}]/) || bytes.starts(with: [0xEF, 0xBB, 0xBF])
            || bytes.starts(with: [0xFE, 0xFF]) || bytes.starts(with: [0xFF, 0xFE]) || bytes.prefix(4).contains(0)
    }

    /// Foundation refuses unpaired surrogates, numbers beyond a double, and depths beyond its own limit.
    private static func mayBeTakenByUsAlone(_ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self).lowercased()
        return text.contains("\\ud") || text.contains(/[0-9]e\+?[0-9]{3}/) || text.contains(/[0-9]{19}/)
            || bytes.filter { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }.count >= 512
    }

    /// The body that reaches an engine equals the received one, except for the replacements of the contract.
    private static func checkForwarding(_ bytes: [UInt8], _ endpoint: Endpoint, _ theirs: [String: Any]?) throws {
        var body = CallBody()
        let call: Call
        do throws(GatewayError) {
            try body.append(ByteBuffer(bytes: bytes))
            call = try body.finish(endpoint: endpoint, id: "c", defaultClass: "fast")
        } catch {
            try require(error.code == .invalidJSON || error.code == .invalidRequest, "refused as \(error.code)")
            return
        }
        _ = body.conversation(of: endpoint)
        let addsUsage = call.streams && !call.wantsUsage && endpoint.supportsStreamUsage
        let sent = body.forwarded(model: "engine/model:q4", addingUsage: addsUsage)
        guard var theirs else { return }
        let parsed = try? JSONSerialization.jsonObject(with: Data(sent.readableBytesView)) as? [String: Any]
        guard var parsed else { throw Finding("what is sent on is no JSON: \(String(buffer: sent))") }
        try require(parsed["model"] as? String == "engine/model:q4", "the model is \(parsed["model"] ?? "missing")")
        if addsUsage {
            var options = parsed["stream_options"] as? [String: Any]
            try require(options?["include_usage"] as? Bool == true, "usage is not asked for")
            options?["include_usage"] = nil
            var before = theirs["stream_options"] as? [String: Any] ?? [:]
            before["include_usage"] = nil
            try require(isSame(before, options ?? [:]), "other options changed")
            parsed["stream_options"] = nil
            theirs["stream_options"] = nil
        }
        parsed["model"] = nil
        theirs["model"] = nil
        try require(
            isSame(theirs, parsed), "something else changed: \(String(buffer: sent))")
    }

    private static func isSame(_ one: [String: Any], _ other: [String: Any]) -> Bool {
        let texts = [one, other].map { try? JSONSerialization.data(withJSONObject: $0, options: .sortedKeys) }
        return texts[0] != nil && texts[0] == texts[1]
    }
}
