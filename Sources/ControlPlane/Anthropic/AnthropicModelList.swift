import Foundation
import SimpleAICore

/// `GET /v1/models` in Anthropic's form, for requests with the header `anthropic-version`.
struct AnthropicModelList {
    /// Which part of the list a request wants: its query parameters.
    struct Page: Hashable {
        static let limits = 1...1000

        var limit = 20
        /// The page begins after this id.
        var after: String?
        /// The page ends before this id.
        var before: String?

        /// - Parameter parameter: returns the value of a query parameter.
        /// - Throws: `invalidRequest`.
        init(_ parameter: (String) -> String?) throws(GatewayError) {
            if let text = parameter("limit") {
                guard let limit = Int(text), Self.limits.contains(limit) else {
                    throw GatewayError(
                        .invalidRequest,
                        "The parameter \"limit\" must be a whole number from \(Self.limits.lowerBound) to "
                            + "\(Self.limits.upperBound).", param: "limit")
                }
                self.limit = limit
            }
            after = parameter("after_id")
            before = parameter("before_id")
            guard after == nil || before == nil else {
                throw GatewayError(
                    .invalidRequest, "The parameters \"after_id\" and \"before_id\" exclude each other.",
                    param: "before_id")
            }
        }

        /// The positions of the page, and whether the list continues in its direction.
        /// - Throws: `invalidRequest` for an id that the list lacks.
        func range(in ids: [String]) throws(GatewayError) -> (range: Range<Int>, hasMore: Bool) {
            if let before {
                let end = try position(of: before, "before_id", in: ids)
                let start = max(0, end - limit)
                return (start..<end, start > 0)
            }
            let start = if let after { try position(of: after, "after_id", in: ids) + 1 } else { 0 }
            let end = min(ids.count, start + limit)
            return (start..<end, end < ids.count)
        }

        private func position(of id: String, _ parameter: String, in ids: [String]) throws(GatewayError) -> Int {
            if let position = ids.firstIndex(where: id.isExactly) { return position }
            throw GatewayError(
                .invalidRequest,
                "The parameter \"\(parameter)\" is not an id of your list. Omit it to begin with the first page.",
                param: parameter)
        }
    }

    let entries: [ModelList.Entry]

    /// - Throws: `invalidRequest`.
    func json(_ page: Page) throws(GatewayError) -> String {
        let (range, hasMore) = try page.range(in: entries.map(\.id))
        let entries = entries[range]
        func id(_ entry: ModelList.Entry?) -> String { entry.map { JSONString.encode($0.id) } ?? "null" }
        return "{\"data\":[\(entries.map(Self.json).joined(separator: ","))],\"has_more\":\(hasMore),"
            + "\"first_id\":\(id(entries.first)),\"last_id\":\(id(entries.last))}"
    }

    /// One model.
    static func json(_ entry: ModelList.Entry) -> String {
        let length = entry.contextLength.map { ",\"max_input_tokens\":\($0)" } ?? ""
        return "{\"type\":\"model\",\"id\":\(JSONString.encode(entry.id)),"
            + "\"display_name\":\(JSONString.encode(entry.displayName)),\"created_at\":\"\(created)\"\(length)}"
    }

    /// RFC 3339. The creation time of a model is unknown, so it is the start of this process.
    private static let created = Date(timeIntervalSince1970: Double(ModelList.created)).formatted(.iso8601)
}
