import Foundation
import NIOCore

@testable import Relay
@testable import SimpleAICore

extension FuzzTarget {
    /// A call's body as it reaches an engine, read by programs that compare keys in other ways: the authorised model
    /// is the model that would run.
    static let secondReader = FuzzTarget(
        "second-reader",
        seeds: [
            #"{"model":"class:fast","messages":[],"stream":true,"user":"u"}"#,
            #"{"messages":[],"stream_options":{"include_usage":false},"stream":true,"max_tokens":5}"#,
            #"{"model":"class:fast","Model":"llama3:70b","messages":[],"Stream":true}"#,
            #"{"messages":[],"\u017ftream":true,"max_to\u212aens":1,"mo\ud800del":"x","model\u0000":"y"}"#,
            #"{"input":"x","previous_response_id":"r","maxOutputTokens":1,"x":{"Model":"y"}}"#,
            "{\"prompt\":\"x\",\"\u{FB06}ream\":true,\"\u{131}nput\":1,\"me\u{DF}ages\":[],\"İnput\":2}",
        ],
        words: names.flatMap { ["\"\($0)\":", "\"\($0.uppercased())\":1,", "\"\($0.capitalized)\":null,"] } + [
            "\\u017f", "\\u212A", "\u{17F}", "\u{212A}", "\u{130}", "\u{131}", "\u{DF}", "\u{FB06}", "\\u0000",
            "\\ud800",
            "\\udc00", "\\ud83d\\ude00", "_", "-", "\\u005f", "\\u004d", "{", "}", ",", "\"", "true", "false", "null",
            "\\",
        ]
    ) { bytes in
        for endpoint in Endpoint.allCases {
            var body = CallBody()
            let call: Call
            do throws(GatewayError) {
                try body.append(ByteBuffer(bytes: bytes))
                call = try body.finish(endpoint: endpoint, id: "c", defaultClass: "fast")
            } catch {
                continue
            }
            let addsUsage = call.streams && !call.wantsUsage && endpoint.supportsStreamUsage
            let sent = Array(body.forwarded(model: "chosen", addingUsage: addsUsage).readableBytesView)
            let members = TolerantReader.members(of: sent[...])
            let options = try checked(members, for: names)
            try require(members.count { $0.key.elementsEqual("model".utf16) } == 1, "the model is not stated once")
            for member in members where KeyComparison.allCases.contains(where: { $0.takes(member.key, for: "model") }) {
                try require(member.text == "\"chosen\"", "another model would run: \(member.text)")
            }
            let stated = members.last { $0.key.elementsEqual("stream".utf16) }?.text
            let streams = stated == "true" || endpoint.streamsByDefault && (stated == nil || stated == "null")
            try require(
                (streams && endpoint.readsStreams) == call.streams, "stream is \(streams), read as \(call.streams)")
            let usage = try checked(TolerantReader.members(of: options?.value ?? []), for: ["include_usage"])
            try require(
                (usage?.text == "true") == (call.wantsUsage || addsUsage),
                "include_usage is \(usage?.text ?? "missing")")
        }
    }

    private static let names = [
        "model", "stream", "stream_options", "messages", "prompt", "input", "max_tokens", "max_completion_tokens",
        "max_output_tokens", "user", "previous_response_id",
    ]

    /// Checks that no reader finds one of the fields where it is not, or twice.
    /// - Returns: `stream_options`, or the only field that was looked for.
    private static func checked(
        _ members: [TolerantReader.Member], for names: [String]
    ) throws(Finding) -> TolerantReader.Member? {
        var found: TolerantReader.Member?
        for name in names {
            let exact = members.filter { $0.key.elementsEqual(name.utf16) }
            for comparison in KeyComparison.allCases {
                let taken = members.filter { comparison.takes($0.key, for: name) }
                guard taken.count <= 1, taken.count == exact.count else {
                    throw Finding("\(comparison) reads \(taken.count) members as \(name), of which \(exact.count) are")
                }
            }
            if name == "stream_options" || names.count == 1 { found = exact.first }
        }
        return found
    }
}
