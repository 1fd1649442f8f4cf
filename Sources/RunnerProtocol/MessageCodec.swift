import Foundation
public import SimpleAICore

/// Encodes messages as text frames and decodes them.
///
/// Unknown fields are ignored, messages of unknown types are skipped, and every size is limited: the gateway keeps a
/// peer's data in memory while the peer is connected.
public enum MessageCodec {
    /// The version in `register`.
    public static let protocolVersion = 1
    /// Maximum size of a text frame, in bytes.
    public static let maxMessage = 1 << 20
    /// Maximum number of models, of aliases and of capabilities of a runner.
    public static let maxEntries = 4_096
    public static let maxEngines = 64
    /// Maximum length of ids and names, in bytes.
    public static let maxName = 512

    // MARK: Gateway's side

    /// - Returns: nil for an unknown type, which must be ignored.
    public static func runnerMessage(_ text: String) throws(MessageFault) -> RunnerMessage? {
        guard let type = try type(of: text) else { return nil }
        let message: RunnerMessage
        switch type {
        case "register": message = .register(try decode(Registration.self, text))
        case "heartbeat": message = .heartbeat(try decode(RunnerStatus.self, text))
        case "status_update": message = .statusUpdate(try decode(RunnerStatus.self, text))
        case "command_response": message = .commandResponse(try decode(CommandResponse.self, text))
        default: return nil
        }
        return try Self.withExactAliases(message, in: text).bounded()
    }

    /// Restores the exact alias names: Foundation decodes object members into dictionaries of strings, in which
    /// canonically equivalent names are the same key.
    private static func withExactAliases(_ message: RunnerMessage, in text: String) -> RunnerMessage {
        func exact(_ status: RunnerStatus, below path: String?) -> RunnerStatus {
            guard !status.modelAliases.isEmpty, let document = JSONSlice(document: Array(text.utf8)[...]) else {
                return status
            }
            var status = status
            (path.map { document[$0] } ?? document)?["model_aliases"]?.forEachMember { name, value in
                if let value = value.string { status.modelAliases[ModelID(JSONString.decode(name))] = .init(value) }
            }
            return status
        }
        switch message {
        case .register(var registration):
            registration.status = exact(registration.status, below: "status")
            return .register(registration)
        case .heartbeat(let status): return .heartbeat(exact(status, below: nil))
        case .statusUpdate(let status): return .statusUpdate(exact(status, below: nil))
        case .commandResponse(var response):
            response.status = response.status.map { exact($0, below: "status") }
            return .commandResponse(response)
        }
    }

    public static func text(_ message: GatewayMessage) -> String { encode(message) }

    // MARK: Runner's side

    /// - Returns: nil for an unknown type, which must be ignored.
    public static func gatewayMessage(_ text: String) throws(MessageFault) -> GatewayMessage? {
        guard let type = try type(of: text), GatewayMessage.Kind(rawValue: type) != nil else { return nil }
        return try decode(GatewayMessage.self, text)
    }

    public static func text(_ message: RunnerMessage) -> String {
        switch message {
        case .register(let registration): encode(Tagged(type: "register", content: registration))
        case .heartbeat(let status): encode(Tagged(type: "heartbeat", content: status))
        case .statusUpdate(let status): encode(Tagged(type: "status_update", content: status))
        case .commandResponse(let response): encode(Tagged(type: "command_response", content: response))
        }
    }

    // MARK: JSON

    private struct Tag: Decodable { var type: String }

    /// Encodes `type` and the fields of the content into one object.
    private struct Tagged<Content: Encodable>: Encodable {
        enum CodingKeys: CodingKey { case type }
        let type: String
        let content: Content

        func encode(to encoder: any Encoder) throws {
            var fields = encoder.container(keyedBy: CodingKeys.self)
            try fields.encode(type, forKey: .type)
            try content.encode(to: encoder)
        }
    }

    private static func type(of text: String) throws(MessageFault) -> String? {
        guard text.utf8.count <= maxMessage else { throw .tooLarge }
        return try decode(Tag.self, text).type
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws(MessageFault) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch let error as DecodingError {
            throw .malformed(at: Self.path(of: error))
        } catch {
            throw .malformed(at: "")
        }
    }

    /// Infinities and NaN, which JSON cannot represent, are written as strings, which readers treat as absent. Encoding
    /// does not fail for any other reason.
    private static func encode(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        guard let data = try? encoder.encode(value) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }

    /// The path of the error: field names and list positions only, never content from the peer.
    private static func path(of error: DecodingError) -> String {
        let (context, key): (DecodingError.Context, (any CodingKey)?) =
            switch error {
            case .keyNotFound(let key, let context): (context, key)
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                (context, nil)
            @unknown default: (.init(codingPath: [], debugDescription: ""), nil)
            }
        let path = context.codingPath + (key.map { [$0] } ?? [])
        return path.prefix(8).map { $0.intValue.map(String.init) ?? String($0.stringValue.prefix(40)) }
            .joined(separator: ".")
    }
}

/// Why a text is not a valid message.
public enum MessageFault: Error, Hashable {
    case tooLarge
    /// Not JSON, or a field is missing or has an unexpected type. States the field's dotted path; empty if the text is
    /// not a JSON object.
    case malformed(at: String)
    /// More models, or longer names, than the limits allow.
    case excessive(String)
    /// A name with characters that are unsafe where it is displayed.
    case unusable(String, NameFault)
}

extension MessageFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tooLarge: "the message exceeds \(MessageCodec.maxMessage) bytes"
        case .malformed(at: ""): "the message is not a JSON object with valid fields"
        case .malformed(let path): "the message lacks a valid \(path)"
        case .excessive(let what): "the message has too many \(what), or they are too long"
        case .unusable(let field, let fault): "the message's \(field) \(fault)"
        }
    }
}
