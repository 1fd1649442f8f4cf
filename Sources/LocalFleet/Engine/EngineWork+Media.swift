import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import SimpleAICore

/// Audio and images.
extension EngineWork {
    /// A WAV file, whatever format is asked for, except raw samples (`pcm`); or its parts as events.
    func speak() async throws -> Response {
        guard let text = request.input?.texts.joined(separator: " ") else {
            throw EngineError.invalid("'input' is missing.", param: "input")
        }
        let sound = SimulatedSound(of: text, seed: seed)
        let isRaw = request.responseFormat?.string == "pcm"
        let (lease, start) = try await begin()
        let header = isRaw ? [] : sound.header
        guard request.streamFormat == "sse" else {
            return stream(
                of: isRaw ? "audio/pcm" : "audio/wav", [StreamPart(bytes: header)], sound.wordCount, [], lease, start
            ) { [StreamPart(bytes: sound.samples(ofWord: $0))] }
        }
        let (inputTokens, outputTokens) = (SimulatedResponse.tokenCount(of: [text]), sound.wordCount)
        let end = StreamPart([
            "type": "speech.audio.done",
            "usage": [
                "input_tokens": .integer(inputTokens), "output_tokens": .integer(outputTokens),
                "total_tokens": .integer(inputTokens + outputTokens),
            ],
        ])
        return stream(of: "text/event-stream", [], sound.wordCount, [end], lease, start) { index in
            let bytes = (index == 0 ? header : []) + sound.samples(ofWord: index)
            return [
                StreamPart(["type": "speech.audio.delta", "audio": .string(Data(bytes).base64EncodedString())])
            ]
        }
    }

    func transcribe(isTranslation: Bool) async throws -> Response {
        guard let file = form?.file("file") else { throw EngineError.invalid("'file' is missing.", param: "file") }
        let name = request.responseFormat?.string ?? "json"
        guard let format = Transcript.Format(rawValue: name) else {
            throw EngineError.invalid("Unknown response_format '\(name)'.", param: "response_format")
        }
        let transcript = Transcript(of: file, seed: seed, isTranslation: isTranslation)
        let (lease, start) = try await begin()
        if !isTranslation, request.stream ?? false {
            let deltas = transcript.deltas
            return stream(of: "text/event-stream", [], deltas.count, transcript.end, lease, start) { deltas[$0] }
        }
        try await client.pause(until: start + .init(pace.time(toToken: transcript.tokens.count)))
        lease.markServed()
        return switch format {
        case .json: Response(json: transcript.json)
        case .verboseJSON: Response(json: transcript.verboseJSON)
        case .text: Response(text: transcript.text + "\n", mediaType: "text/plain; charset=utf-8")
        case .srt: Response(text: transcript.srt, mediaType: "application/x-subrip; charset=utf-8")
        case .vtt: Response(text: transcript.vtt, mediaType: "text/vtt; charset=utf-8")
        }
    }

    func draw() async throws -> Response {
        let prompt = request.prompt?.texts.joined(separator: " ")
        if endpoint != .imageVariations, prompt == nil {
            throw EngineError.invalid("'prompt' is missing.", param: "prompt")
        }
        if endpoint != .imageGenerations, let form, form.file("image") ?? form.file("image[]") == nil {
            throw EngineError.invalid("'image' is missing.", param: "image")
        }
        let count = request.count ?? 1
        guard (1...10).contains(count) else {
            throw EngineError.invalid("'n' must be between 1 and 10.", param: "n")
        }
        let text = prompt ?? "a variation"
        let pictures = (0..<count).map { SimulatedPicture(of: text, seed: seed, number: $0) }
        let (lease, start) = try await begin()
        if request.stream ?? false, endpoint != .imageVariations {
            let partials = min(max(request.partialImages ?? 0, 0), 3)
            let events = (0..<partials).map { partialImage($0, text) } + pictures.map(completedImage)
            return stream(of: "text/event-stream", [], events.count, [], lease, start) { [events[$0]] }
        }
        lease.markServed()
        return Response(json: images(pictures, of: text))
    }

    private func images(_ pictures: [SimulatedPicture], of prompt: String) -> JSONText {
        let asLink = request.responseFormat?.string == "url"
        let entries = pictures.map { picture in
            JSONText.object([
                asLink
                    ? ("url", .string("data:image/png;base64," + picture.base64))
                    : ("b64_json", .string(picture.base64)),
                ("revised_prompt", .string("A simulated picture of: \(prompt)")),
            ])
        }
        return [
            "created": .integer(Int(Date().timeIntervalSince1970)), "data": .array(entries), "background": "opaque",
            "output_format": "png", "quality": "low", "size": .string(Self.pictureSize),
            "usage": imageUsage(pictures.count),
        ]
    }

    private static let pictureSize = "\(SimulatedPicture.side)x\(SimulatedPicture.side)"

    private func imageUsage(_ count: Int) -> JSONText {
        let (read, drawn) = (promptTokens, 16 * count)
        return [
            "input_tokens": .integer(read),
            "input_tokens_details": ["text_tokens": .integer(read), "image_tokens": 0],
            "output_tokens": .integer(drawn), "total_tokens": .integer(read + drawn),
        ]
    }

    private func partialImage(_ index: Int, _ prompt: String) -> StreamPart {
        let picture = SimulatedPicture(of: prompt + " (partial)", seed: seed, number: index)
        return imageEvent("partial_image", picture, [("partial_image_index", .integer(index))])
    }

    private func completedImage(_ picture: SimulatedPicture) -> StreamPart {
        imageEvent("completed", picture, [("usage", imageUsage(1))])
    }

    private func imageEvent(_ name: String, _ picture: SimulatedPicture, _ more: [(String, JSONText)]) -> StreamPart {
        let type = (endpoint == .imageEdits ? "image_edit." : "image_generation.") + name
        return StreamPart(
            name: type,
            .object(
                [
                    ("type", .string(type)), ("b64_json", .string(picture.base64)), ("background", "opaque"),
                    ("created_at", .integer(Int(Date().timeIntervalSince1970))), ("output_format", "png"),
                    ("quality", "low"), ("size", .string(Self.pictureSize)),
                ] + more))
    }
}
