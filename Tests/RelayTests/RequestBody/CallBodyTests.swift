import NIOCore
import SimpleAICore
import TestSupport
import Testing

@testable import Relay

@Suite struct CallBodyTests {
    private func body(_ text: String, pieces: Int = 1) throws(GatewayError) -> CallBody {
        var body = CallBody()
        var rest = ByteBuffer(string: text)
        let size = max(1, (rest.readableBytes + pieces - 1) / pieces)
        while let piece = rest.readSlice(length: min(size, rest.readableBytes)), piece.readableBytes > 0 {
            try body.append(piece)
        }
        return body
    }

    private func read(_ text: String, _ endpoint: Endpoint = .chatCompletions) throws(GatewayError) -> (Call, CallBody)
    {
        var body = try body(text)
        let call = try body.finish(endpoint: endpoint, id: "c", defaultClass: "fast")
        return (call, body)
    }

    private func refusal(_ text: String, _ endpoint: Endpoint = .chatCompletions) -> GatewayError? {
        do throws(GatewayError) {
            _ = try read(text, endpoint)
            return nil
        } catch {
            return error
        }
    }

    private func forwarded(_ text: String, model: String = "NEW", usage: Bool = false) throws -> String {
        let (_, body) = try read(text)
        return String(buffer: body.forwarded(model: model, addingUsage: usage))
    }

    // MARK: The requested model

    @Test(arguments: [
        (#"{"messages":[]}"#, ModelRequest.byClass("fast")), (#"{"messages":[],"model":null}"#, .byClass("fast")),
        (#"{"messages":[],"model":""}"#, .byClass("fast")), (#"{"messages":[],"model":"class:big"}"#, .byClass("big")),
        (#"{"messages":[],"model":"llama3:8b"}"#, .exactly("llama3:8b")),
        (#"{"messages":[],"\u006dodel":"\u0063lass:big"}"#, .byClass("big")),
        (#"{"messages":[],"x":{"model":"other"},"model":"a\"b"}"#, .exactly("a\"b")),
    ])
    func readsTheModel(_ text: String, _ expected: ModelRequest) throws {
        #expect(try read(text).0.request == expected)
    }

    @Test(
        arguments: [
            (#"{"input":"x"}"#, nil), (#"{"input":"x","previous_response_id":null}"#, nil),
            (#"{"input":"x","previous_response_id":"resp_1"}"#, "resp_1"),
            (#"{"input":"x","previous\u005fresponse_id":"r\u0031"}"#, "r1"),
        ] as [(String, String?)])
    func readsThePreviousResponse(_ text: String, _ expected: String?) throws {
        #expect(try read(text, .responses).0.previousResponse == expected)
    }

    @Test func thePreviousResponseMustBeAnID() throws {
        for value in ["7", "[]", "true", "\"\(String(repeating: "x", count: 513))\""] {
            let error = try #require(refusal("{\"input\":\"x\",\"previous_response_id\":\(value)}", .responses))
            #expect(error.code == .invalidRequest && error.param == "previous_response_id")
        }
        #expect(try read(#"{"messages":[],"previous_response_id":7}"#).0.previousResponse == nil, "elsewhere unknown")
        let twice = #"{"input":"x","previous_response_id":"a","previous_response_id":"b"}"#
        #expect(refusal(twice, .responses)?.code == .invalidRequest)
    }

    @Test(
        arguments: [
            (#"{"messages":[]}"#, nil, nil), (#"{"messages":[],"max_tokens":5,"user":"u\u0031"}"#, 5, "u1"),
            (#"{"messages":[],"max_tokens":5,"max_completion_tokens":6,"user":7}"#, 6, nil),
            (#"{"messages":[],"max_tokens":null,"user":null}"#, nil, nil),
            (#"{"messages":[],"max_tokens":1.5}"#, nil, nil),
        ] as [(String, Int?, String?)])
    func readsTheLimitAndTheUser(_ text: String, _ maxTokens: Int?, _ user: String?) throws {
        let call = try read(text).0
        #expect(call.maxTokens == maxTokens)
        #expect(call.user == user)
    }

    @Test(arguments: [
        (#"{"messages":[]}"#, false, false), (#"{"messages":[],"stream":false}"#, false, false),
        (#"{"messages":[],"stream":null,"stream_options":null}"#, false, false),
        (#"{"messages":[],"stream":true}"#, true, false),
        (#"{"messages":[],"stream":true,"stream_options":{}}"#, true, false),
        (#"{"messages":[],"stream":true,"stream_options":{"include_usage":false}}"#, true, false),
        (#"{"messages":[],"stream":true,"stream_options":{"include_usage":null}}"#, true, false),
        (#"{"messages":[],"stream":true,"stream_options":{"include_usage":true}}"#, true, true),
        (#"{"messages":[],"stream":true,"stream_options":{ "x":[1], "include\u005fusage" : true }}"#, true, true),
    ])
    func readsStreamAndUsage(_ text: String, streams: Bool, wantsUsage: Bool) throws {
        let call = try read(text).0
        #expect(call.streams == streams)
        #expect(call.wantsUsage == wantsUsage)
        #expect(call.endpoint == .chatCompletions)
        #expect(call.id == "c")
    }

    @Test(arguments: [
        (Endpoint.chatCompletions, #"{"messages":[]}"#), (.completions, #"{"prompt":"a"}"#),
        (.completions, #"{"prompt":[1]}"#),
        (.embeddings, #"{"input":["a"]}"#), (.responses, #"{"input":"a"}"#), (.rerank, #"{"query":"a"}"#),
        (.rerankV2, #"{"query":"a","documents":[]}"#), (.speech, #"{"input":"a"}"#),
        (.imageGenerations, #"{"prompt":"a"}"#),
        (.messages, #"{"messages":[]}"#), (.countTokens, #"{"messages":[]}"#), (.ollamaEmbed, #"{"input":["a"]}"#),
        (.ollamaEmbeddings, #"{"prompt":"a"}"#),
    ])
    func endpointsHaveRequiredFields(_ endpoint: Endpoint, _ text: String) throws {
        #expect(try read(text, endpoint).0.endpoint == endpoint)
        let field = try #require(endpoint.requiredField)
        let refusal = refusal("{\"model\":\"m\"}", endpoint)
        #expect(refusal?.code == .invalidRequest)
        #expect(refusal?.param == field)
        #expect(self.refusal("{\"\(field)\":null}", endpoint)?.param == field)
    }

    /// Engines know other inputs than the usual one.
    @Test(arguments: [
        (Endpoint.embeddings, "messages"), (.embeddings, "content"), (.completions, "prompt_embeds"),
        (.responses, "prompt"), (.responses, "conversation"), (.responses, "previous_response_id"),
    ])
    func alternativesReplaceTheRequiredField(_ endpoint: Endpoint, _ field: String) throws {
        #expect(try read("{\"\(field)\":\"x\"}", endpoint).0.endpoint == endpoint)
        let refusal = refusal("{\"\(field)\":null}", endpoint)
        #expect(refusal?.param == endpoint.requiredField)
        #expect(refusal?.message.contains("\"\(field)\"") == true)
        // Engines that ignore case would read them on any path.
        #expect(self.refusal("{\"input\":1,\"prompt\":1,\"\(field.uppercased())\":1}", endpoint)?.param == field)
        #expect(self.refusal("{\"\(field)\":\"x\"}", .imageGenerations)?.param ?? "prompt" == "prompt")
    }

    @Test func promptsOfEveryFormAreCounted() throws {
        for (text, count) in [
            (#"{"stream":true,"prompt_embeds":"AA"}"#, 1), (#"{"stream":true,"prompt_embeds":["AA","BB"]}"#, 2),
            (#"{"stream":true,"prompt":["a"],"prompt_embeds":["AA","BB"],"n":2}"#, 6),
            (#"{"stream":true,"prompt":[],"prompt_embeds":"AA"}"#, 1), (#"{"stream":true,"prompt":[1,2]}"#, 1),
        ] {
            #expect(try read(text, .completions).0.expectedChoices == count, "\(text)")
        }
    }

    /// Without input, Ollama loads or unloads the model.
    @Test(arguments: [Endpoint.ollamaChat, .ollamaGenerate])
    func ollamaNeedsNoInputAndStreamsByDefault(_ endpoint: Endpoint) throws {
        #expect(try read("{\"model\":\"m\"}", endpoint).0.streams)
        #expect(try read("{\"model\":\"m\",\"stream\":null}", endpoint).0.streams)
        #expect(try !read("{\"model\":\"m\",\"stream\":false}", endpoint).0.streams)
        #expect(refusal("{\"stream\":0}", endpoint)?.param == "stream")
    }

    @Test func messagesAreAnArrayInEveryDialect() {
        for endpoint in [Endpoint.messages, .countTokens, .ollamaChat] {
            #expect(refusal("{\"messages\":\"hi\"}", endpoint)?.param == "messages")
        }
    }

    @Test func speechIsForwardedWithoutReadingItsStream() throws {
        #expect(try !read(#"{"input":"a","stream":true}"#, .speech).0.streams)
    }

    @Test func theModelOfThePathAppliesIfTheBodyHasNone() throws {
        for (text, expected) in [
            (#"{"messages":[]}"#, "path"), (#"{"messages":[],"model":null}"#, "path"),
            (#"{"messages":[],"model":""}"#, "path"),
            (#"{"messages":[],"model":"body"}"#, "body"),
        ] {
            var body = CallBody()
            try body.append(ByteBuffer(string: text))
            let call = try body.finish(endpoint: .chatCompletions, id: "c", defaultClass: "fast", pathModel: "path")
            #expect(call.request == .exactly(ModelID(expected)))
        }
    }

    @Test(
        arguments: [
            ("", GatewayError.Code.invalidJSON, nil), ("{", .invalidJSON, nil),
            ("{\"messages\":[]}x", .invalidJSON, nil),
            ("{\"messages\":[],}", .invalidJSON, nil), ("\u{FEFF}{\"messages\":[]}", .invalidJSON, nil),
            ("[]", .invalidRequest, nil),
            ("\"messages\"", .invalidRequest, nil), ("null", .invalidRequest, nil), ("{}", .invalidRequest, "messages"),
            (#"{"messages":"hello"}"#, .invalidRequest, "messages"), (#"{"messages":{}}"#, .invalidRequest, "messages"),
            (#"{"messages":[],"model":1}"#, .invalidRequest, "model"),
            (#"{"messages":[],"model":["a"]}"#, .invalidRequest, "model"),
            (#"{"messages":[],"model":true}"#, .invalidRequest, "model"),
            (#"{"messages":[],"stream":"true"}"#, .invalidRequest, "stream"),
            (#"{"messages":[],"stream":1}"#, .invalidRequest, "stream"),
            (#"{"messages":[],"stream_options":true}"#, .invalidRequest, "stream_options"),
            (#"{"messages":[],"stream_options":[]}"#, .invalidRequest, "stream_options"),
            // The model that was authorised must be the model that runs.
            (#"{"messages":[],"model":"a","model":"b"}"#, .invalidRequest, "model"),
            (#"{"messages":[],"model":"a","\u006dodel":"b"}"#, .invalidRequest, "model"),
            (#"{"messages":[],"stream":false,"str\u0065am":true}"#, .invalidRequest, "stream"),
        ] as [(String, GatewayError.Code, String?)])
    func refuses(_ text: String, _ code: GatewayError.Code, _ param: String?) {
        let error = refusal(text)
        #expect(error?.code == code)
        #expect(error?.param == param)
        #expect(error?.status() == 400)
    }

    /// A key that another parser may treat as a relevant field is refused on every path, whether or not it decides
    /// there.
    @Test(
        arguments: [
            ("Model", "model"), ("MODEL", "model"), ("\\u004dodel", "model"), ("mode\\u004C", "model"),
            ("mod-el", "model"), ("model\\u0000", "model"), ("model\\u0000x", "model"), ("mo\\ud800del", "model"),
            ("\u{FEFF}model", "model"), ("mo\\u0064\u{FEFF}el", "model"),
            ("Stream", "stream"), ("\u{17F}tream", "stream"), ("\\u017Ftream", "stream"), ("\u{FB06}ream", "stream"),
            ("stream-options", "stream_options"), ("streamOptions", "stream_options"),
            ("me\u{DF}ages", "messages"), ("Messages", "messages"), ("PROMPT", "prompt"), ("\u{131}nput", "input"),
            ("max_to\u{212A}ens", "max_tokens"), ("maxTokens", "max_tokens"),
            ("Max_Completion_Tokens", "max_completion_tokens"), ("max_Output_tokens", "max_output_tokens"),
            ("u\u{17F}er", "user"), ("previousResponseId", "previous_response_id"),
        ])
    func refusesOtherSpellingsOfFields(_ key: String, _ meaning: String) {
        for endpoint in Endpoint.allCases {
            let members = ["\"\(endpoint.requiredField ?? "x")\":[]", "\"\(key)\":\"class:fast\""]
            for members in [members, members.reversed()] {
                let error = refusal("{\(members.joined(separator: ","))}", endpoint)
                #expect(error?.code == .invalidRequest && error?.param == meaning, "\(endpoint) \(key)")
                #expect(error?.message.utf8.allSatisfy { $0 < 0x80 } == true, "what does not show is written out")
            }
        }
    }

    @Test(arguments: [
        "models", "mode", "model ", "\u{1D426}odel", "mod\\u0000el", "mod\\ud83d\\ude00el", "mod\u{1F600}el", "topP",
        "User2",
        "max_tokens_to_sample", "Temperature", "response_id", "\u{43C}odel", "\u{FF4D}odel",
    ])
    func otherKeysAreNotRefused(key: String) {
        #expect(refusal("{\"messages\":[],\"\(key)\":1,\"\(key)\":2,\"x\":{\"Model\":3}}") == nil)
    }

    @Test func aKeyThatIsTooLongToBeComparedIsRefused() {
        let padding = String(repeating: "_", count: 300)
        #expect(refusal("{\"messages\":[],\"model\(padding)\":1}")?.code == .invalidRequest)
        #expect(refusal("{\"messages\":[],\"x\":{\"model\(padding)\":1}}") == nil)
    }

    @Test(arguments: [
        #""include_usage":true,"include_usage":false"#, #""Include_Usage":true"#, #""includeUsage":true"#,
        #""include_usage":false,"include_u\u017fage":true"#, #""INCLUDE_USAGE":null"#,
    ])
    func ambiguousStreamOptionsAreRefused(_ members: String) {
        let error = refusal("{\"messages\":[],\"stream_options\":{\(members)}}")
        #expect(error?.code == .invalidRequest && error?.param == "stream_options.include_usage")
    }

    @Test func aBadBodyIsRefusedEarly() {
        var body = CallBody()
        #expect(throws: GatewayError.self) { try body.append(ByteBuffer(string: "{\"messages\":[},")) }
        #expect(throws: GatewayError.self) { try body.append(ByteBuffer(string: "1")) }
    }

    @Test func excessiveNestingIsRefused() {
        let bomb = "{\"messages\":" + String(repeating: "[", count: 100_000)
        #expect(refusal(bomb)?.code == .invalidJSON)
    }

    @Test func namesAreBounded() throws {
        let longest = String(repeating: "m", count: 512)
        #expect(try read("{\"messages\":[],\"model\":\"\(longest)\"}").0.request == .exactly(ModelID(longest)))
        let error = refusal("{\"messages\":[],\"model\":\"\(longest)m\"}")
        #expect(error?.code == .invalidRequest)
        #expect(error?.param == "model")
    }

    // MARK: The forwarded body

    @Test(arguments: [
        (#"{"model":"old","messages":[]}"#, #"{"model":"NEW","messages":[]}"#),
        (
            #" { "messages" : [ ] , "model" : "old" , "n" : 1e2 } "#,
            #" { "messages" : [ ] , "model" : "NEW" , "n" : 1e2 } "#
        ),
        (#"{"messages":[],"model":""}"#, #"{"messages":[],"model":"NEW"}"#),
        (#"{"messages":[],"model":null}"#, #"{"messages":[],"model":"NEW"}"#),
        (#"{"messages":[],"model":"class:fast"}"#, #"{"messages":[],"model":"NEW"}"#),
        (#"{"messages":[],"\u006dodel":"\"}"}"#, #"{"messages":[],"\u006dodel":"NEW"}"#),
        (#"{"messages":[]}"#, #"{"model":"NEW","messages":[]}"#),
        (" \n{\n \"messages\":[]}", " \n{\"model\":\"NEW\",\n \"messages\":[]}"),
        (
            #"{"a":{"model":"x"},"messages":[{"model":"y"}]}"#,
            #"{"model":"NEW","a":{"model":"x"},"messages":[{"model":"y"}]}"#
        ),
    ])
    func onlyTheModelIsReplaced(_ text: String, _ expected: String) throws {
        #expect(try forwarded(text) == expected)
    }

    @Test(arguments: [
        (#"{"model":"m","messages":[]}"#, #"{"stream_options":{"include_usage":true},"model":"NEW","messages":[]}"#),
        (
            #"{"model":"m","stream_options":null,"messages":[]}"#,
            #"{"model":"NEW","stream_options":{"include_usage":true},"messages":[]}"#
        ),
        (
            #"{"model":"m","stream_options":{},"messages":[]}"#,
            #"{"model":"NEW","stream_options":{"include_usage":true},"messages":[]}"#
        ),
        (
            #"{"model":"m","stream_options":{ },"messages":[]}"#,
            #"{"model":"NEW","stream_options":{"include_usage":true },"messages":[]}"#
        ),
        (
            #"{"model":"m","stream_options":{"x":1},"messages":[]}"#,
            #"{"model":"NEW","stream_options":{"include_usage":true,"x":1},"messages":[]}"#
        ),
        (
            #"{"stream_options":{ "include_usage" : false , "x":{"include_usage":false}},"messages":[],"model":"m"}"#,
            #"{"stream_options":{ "include_usage" : true , "x":{"include_usage":false}},"messages":[],"model":"NEW"}"#
        ),
        (
            #"{"stream_options":{"include\u005fusage":null},"messages":[],"model":"m"}"#,
            #"{"stream_options":{"include\u005fusage":true},"messages":[],"model":"NEW"}"#
        ),
        (
            #"{"messages":[{"stream_options":{"include_usage":false}}],"model":"m","stream_options":{"include_usage":true}}"#,
            #"{"messages":[{"stream_options":{"include_usage":false}}],"model":"NEW","stream_options":{"include_usage":true}}"#
        ),
    ])
    func usageIsRequested(_ text: String, _ expected: String) throws {
        #expect(try forwarded(text, usage: true) == expected)
    }

    @Test func bothMayBeMissing() throws {
        let text = try forwarded(#"{"messages":[],"stream":true}"#, usage: true)
        let document = try #require(JSONSlice(document: Array(text.utf8)[...]))
        #expect(document["model"]?.string == "NEW")
        #expect(document["stream_options"]?["include_usage"]?.bytes.elementsEqual("true".utf8) == true)
        #expect(text.hasSuffix(#""messages":[],"stream":true}"#))
    }

    @Test func theEnginesNameIsEscaped() throws {
        #expect(
            try forwarded(#"{"model":"m","messages":[]}"#, model: "a\"\\\n") == #"{"model":"a\"\\\n","messages":[]}"#)
    }

    /// Every byte outside the two edits is the caller's, however the body arrived.
    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func everythingElseIsSentByteForByte(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let space = { (random: inout SeededGenerator) in
                ["", "", " ", "\n", "\t "].randomElement(using: &random) ?? ""
            }
            let extras = [
                #""temperature":0.10"#, #""n": 1E+2"#, #""user":"\u00e9\ud83d\ude00 é😀\/""#, #""model ":[{"model":1}]"#,
                #""metadata":{"stream_options":{"include_usage":false},"model":"x"}"#, #""Modèle":"y""#, #""z":-0.0"#,
            ].shuffled(using: &random).prefix(Int.random(in: 0...7, using: &random))
            let tokens =
                [
                    "\(space(&random))\"model\"\(space(&random)):\(space(&random))@M",
                    "\"messages\":[{\"content\":\"@\"}]",
                    "\"stream_options\" :\(space(&random))@U",
                ] + extras
            let template =
                "\(space(&random)){\(space(&random))"
                + tokens.shuffled(using: &random).joined(separator: ",\(space(&random))") + "\(space(&random))}\n"
            func filled(_ model: String, _ usage: String) -> String {
                var text = ""
                var rest = template[...]
                while let mark = rest.firstIndex(of: "@") {
                    text += rest[..<mark]
                    rest = rest[rest.index(after: mark)...]
                    switch rest.first {
                    case "M": text += model
                    case "U": text += usage
                    default:
                        text += "@"
                        continue
                    }
                    rest = rest.dropFirst()
                }
                return text + rest
            }
            var body = try body(
                filled("\"class:fast\"", #"{"include_usage": false}"#), pieces: Int.random(in: 1...40, using: &random))
            _ = try body.finish(endpoint: .chatCompletions, id: "c", defaultClass: "fast")
            let both = String(buffer: body.forwarded(model: "engine", addingUsage: true))
            #expect(both == filled("\"engine\"", #"{"include_usage": true}"#))
            let one = String(buffer: body.forwarded(model: "engine", addingUsage: false))
            #expect(one == filled("\"engine\"", #"{"include_usage": false}"#))
        }
    }
}

/// nst/JSONTestSuite inside a request: y reaches the engine unchanged, n is refused with 400, i may be accepted or
/// refused.
@Suite(
    .enabled(
        if: Corpora.hasJSONParsing,
        "SKIP: JSONTestSuite is not at \(Corpora.jsonParsingPath); set SIMPLEAI_CORPORA to where it is"))
struct CallBodyCorpusTests {
    private func outcome(_ bytes: [UInt8]) -> Result<[UInt8], GatewayError> {
        let head = Array(#"{"model":"m","messages":[],"metadata":{"x":"#.utf8)
        do throws(GatewayError) {
            var body = CallBody()
            try body.append(ByteBuffer(bytes: head + bytes + Array("}}".utf8)))
            _ = try body.finish(endpoint: .chatCompletions, id: "c", defaultClass: "fast")
            let forwarded = Array(body.forwarded(model: "m", addingUsage: false).readableBytesView)
            return .success(Array(forwarded.dropFirst(head.count).dropLast(2)))
        } catch {
            return .failure(error)
        }
    }

    @Test func validDocumentsReachTheEngineUnchanged() throws {
        let files = try Corpora.jsonParsingFiles("y_")
        #expect(files.count >= 95)
        for file in files {
            switch outcome(file.bytes) {
            case .success(let bytes): #expect(bytes == file.bytes, "\(file.name)")
            case .failure(let error): Issue.record("\(file.name): \(error.message)")
            }
        }
    }

    @Test func invalidDocumentsAreRefused() throws {
        let files = try Corpora.jsonParsingFiles("n_")
        #expect(files.count >= 187)
        for file in files {
            guard case .failure(let error) = outcome(file.bytes) else {
                Issue.record("\(file.name) was accepted")
                continue
            }
            #expect(error.status() == 400, "\(file.name)")
        }
    }

    @Test func optionalDocumentsAreAcceptedOrRefused() throws {
        for file in try Corpora.jsonParsingFiles("i_") {
            switch outcome(file.bytes) {
            case .success(let bytes): #expect(bytes == file.bytes, "\(file.name)")
            case .failure(let error): #expect(error.status() == 400, "\(file.name)")
            }
        }
    }
}
