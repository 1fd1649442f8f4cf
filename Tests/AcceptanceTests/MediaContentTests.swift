import Foundation
import Testing

@testable import Acceptance

/// What the containers of sounds, pictures and vectors show.
struct MediaContentTests {
    private static func number(_ value: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: value).littleEndian) { Array($0) }
    }

    /// A WAV file with a list before its samples.
    private static func wave(samples: Int, stated: Int? = nil, file: Int? = nil) -> [UInt8] {
        let body =
            Array("WAVEfmt ".utf8) + number(16) + [UInt8](repeating: 0, count: 16) + Array("LIST".utf8) + number(3)
            + [0, 0, 0, 0] + Array("data".utf8) + number(stated ?? samples) + [UInt8](repeating: 1, count: samples)
        return Array("RIFF".utf8) + number(file ?? body.count) + body
    }

    private func problem(_ read: () throws -> String) -> String {
        do {
            _ = try read()
            return ""
        } catch {
            return "\(error)"
        }
    }

    struct Sound: Sendable {
        let bytes: [UInt8]
        let type: String
        let problem: String

        init(_ bytes: [UInt8], _ type: String, _ problem: String = "") {
            (self.bytes, self.type, self.problem) = (bytes, type, problem)
        }

        init(_ text: String, _ type: String, _ problem: String = "") { self.init(Array(text.utf8), type, problem) }
    }

    static let sounds: [Sound] = [
        Sound(wave(samples: 8), "audio/wav"), Sound(wave(samples: 8) + [0], "audio/wav"),
        // Streamed: the lengths are unknown.
        Sound(wave(samples: 8, stated: 0xFFFF_FFFF, file: 0xFFFF_FFFF), "audio/wav"),
        Sound(wave(samples: 8, stated: 0x7FFF_F000, file: 0x7FFF_F024), "audio/x-wav"),
        Sound(wave(samples: 8, stated: 0, file: 0), "audio/wav"),
        Sound(wave(samples: 0, stated: 0xFFFF_FFFF, file: 0xFFFF_FFFF), "audio/wav", "no samples"),
        Sound(wave(samples: 0), "audio/wav", "no samples"),
        Sound(Array(wave(samples: 8).dropLast()), "audio/wav", "cut"),
        Sound(Array(wave(samples: 8).prefix(44)), "audio/wav", "cut"),
        Sound(wave(samples: 8, stated: 9), "audio/wav", "of samples"), Sound("RIFF", "audio/wav", "but is none"),
        Sound(Array(wave(samples: 8).prefix(30)), "application/octet-stream", "cut"), Sound("", "audio/mpeg", "empty"),
        Sound("hello", "audio/wav", "not audio"), Sound("{}", "audio/mpeg", "not audio"), Sound("ID3", "audio/mpeg"),
        Sound([0xFF, 0xFB], "audio/mpeg; rate=1"), Sound([0xFF, 0xF1], "audio/aac"),
        Sound([0xFF, 0xE1], "audio/aac", "not audio"), Sound("OggS", "audio/ogg"), Sound("fLaC", "audio/flac"),
        Sound("OggS", "audio/flac", "not audio"), Sound([1], "audio/pcm"),
    ]

    @Test(arguments: sounds) func `a sound is complete and of its type`(sound: Sound) {
        let found = problem { try MediaContent.sound(sound.bytes, type: sound.type) }
        #expect(sound.problem.isEmpty ? found.isEmpty : found.contains(sound.problem), "\(found)")
    }

    private static func bytes(_ beginning: [UInt8], zeros: Int, _ end: [UInt8] = []) -> [UInt8] {
        beginning + [UInt8](repeating: 0, count: zeros) + end
    }

    static let pictures: [(bytes: [UInt8], problem: String)] = {
        let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF]
        let webP: [UInt8] = Array("RIFF".utf8) + number(22) + Array("WEBP".utf8)
        let wave: [UInt8] = Array("RIFF".utf8) + number(40) + Array("WAVE".utf8)
        return [
            (bytes(png, zeros: 60, Array("IEND".utf8)), ""), (bytes(png, zeros: 60), "PNG image is cut"),
            (png, "PNG image is cut"), (bytes(jpeg, zeros: 102, [0xFF, 0xD9]), ""),
            (bytes(jpeg, zeros: 104), "JPEG image is cut"), (bytes(webP, zeros: 18), ""),
            (bytes(webP, zeros: 17), "WebP image is cut"), (bytes(wave, zeros: 36), "neither PNG"),
            ([0, 0, 0], "neither PNG"),
        ]
    }()

    @Test(arguments: pictures)
    func `a picture is complete`(bytes: [UInt8], expected: String) {
        let text = Data(bytes).base64EncodedString()
        for entry in [
            JSONValue.object(["b64_json": .string(text)]), .object(["url": .string("data:image/png;base64,\(text)")]),
        ] {
            let found = problem { try MediaContent.picture(in: entry) }
            #expect(expected.isEmpty ? found.isEmpty : found.contains(expected), "\(found)")
        }
    }

    @Test(arguments: [
        (#"{"url":"https://example.org/a.png"}"#, ""), (#"{"url":"x"}"#, "none"), (#"{"url":""}"#, "neither"),
        ("{}", "neither"), (#"{"b64_json":"@"}"#, "not base64"),
    ])
    func `a picture may be a URL`(json: String, expected: String) throws {
        let entry = try #require(JSONValue(parsing: Array(json.utf8)))
        let found = problem { try MediaContent.picture(in: entry) }
        #expect(expected.isEmpty ? found.isEmpty : found.contains(expected), "\(found)")
    }

    @Test(arguments: [
        ("[0,0.5]", ""), ("[0,0.0]", "zero"), ("[]", "no vector"), ("null", "no vector"), ("[1,null]", "not a number"),
        ("\"AACAPw==\"", ""), ("\"AAAAAA==\"", "zero"), ("\"AAAA\"", "32-bit"), ("\"@\"", "32-bit"), ("\"\"", "32-bit"),
    ])
    func `a vector is not zero`(json: String, expected: String) throws {
        let found = problem { try MediaContent.vector(JSONValue(parsing: Array(json.utf8))) }
        #expect(expected.isEmpty ? found.isEmpty : found.contains(expected), "\(found)")
    }

    /// A tone may have an empty transcript; spoken words may not.
    @Test func `an empty transcript is undecided without speech`() throws {
        func exchange(_ body: String, speech: Bool) -> Exchange {
            var request = APIRequest(method: "POST", path: "/v1/audio/transcriptions", credential: .none)
            request.containsSpeech = speech
            var exchange = Exchange(request: request, started: .now)
            exchange.status = 200
            exchange.headers = [("content-type", "application/json")]
            exchange.body = Array(body.utf8)
            return exchange
        }
        let empty = #"{"text":" \n"}"#
        #expect(try Endpoint.transcriptions.reply(exchange(empty, speech: false)).undecided != nil)
        #expect(throws: ResponseProblem.self) { try Endpoint.transcriptions.reply(exchange(empty, speech: true)) }
        let text = #"{"text":"ready"}"#
        #expect(try Endpoint.transcriptions.reply(exchange(text, speech: true)).undecided == nil)
    }
}
