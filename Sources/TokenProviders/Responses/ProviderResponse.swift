import Foundation

/// A provider's complete response to one request.
struct ProviderResponse: Hashable, Sendable {
    /// The URL without its query, as messages show it.
    let address: String
    let status: Int
    let contentType: String
    let body: [UInt8]

    var isSuccess: Bool { (200..<300).contains(status) }

    /// The JSON object of the response.
    ///
    /// - Throws: `TokenProviderProblem` for redirects and for any other response.
    func decoded<Content: Decodable>(_: Content.Type) throws(TokenProviderProblem) -> Content {
        guard !(300..<400).contains(status) else { throw .redirected(at: address, status: status) }
        do {
            return try JSONDecoder().decode(Content.self, from: Data(body))
        } catch let error as DecodingError {
            throw .invalidResponse(at: address, status: status, what: describe(error))
        } catch {
            throw .invalidResponse(at: address, status: status, what: kind)
        }
    }

    /// The error that the response states, if any.
    func refusal(hiding secrets: [String]) -> OAuthRefusal? {
        struct Content: Decodable {
            let error: String
            let error_description: String?
        }
        guard !isSuccess, let content = try? decoded(Content.self), !content.error.isEmpty else { return nil }
        return OAuthRefusal(
            error: DisplayText(content.error, hiding: secrets, limit: 80).text,
            details: DisplayText(content.error_description ?? "", hiding: secrets).text)
    }

    /// Describes the actual response, for messages about an unexpected one.
    var kind: String {
        let type = DisplayText(String(contentType.prefix { $0 != ";" }), limit: 60).text
        return type.isEmpty ? "a document that is not JSON" : "\(type) instead of JSON"
    }

    private func describe(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "a document without \(key.stringValue)"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            context.codingPath.last.map { "an unexpected value for \($0.stringValue)" } ?? kind
        default: kind
        }
    }
}

/// A number of seconds, which some providers write as a string.
struct Seconds: Decodable {
    let value: Double

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let number: Double
        if let text = try? container.decode(String.self) {
            number = Double(text) ?? .nan
        } else {
            number = try container.decode(Double.self)
        }
        guard number.isFinite, number >= 0, number < 1e10 else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a number of seconds")
        }
        value = number
    }
}
