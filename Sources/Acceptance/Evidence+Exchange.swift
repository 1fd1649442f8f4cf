import Foundation

extension Evidence {
    /// Evidence of an unexpected response.
    init(_ exchange: Exchange, expected: String) {
        var lines = ["\(exchange.status)"]
        lines += exchange.headers.prefix(30).map { "\($0.name): \($0.value)" }
        let text = exchange.bodyText
        lines.append("")
        lines.append(text.count > 1200 ? "\(text.prefix(1200))… (\(exchange.body.count) bytes)" : text)
        if case .broken(let reason) = exchange.ending { lines.append("(\(reason))") }
        self.init(
            sent: Self.sent(exchange.request), received: lines.joined(separator: "\n"), expected: expected,
            curl: Self.curl(exchange.request))
    }

    /// Evidence of a request that received no response.
    init(_ failed: RequestFailed, expected: String) {
        self.init(
            sent: Self.sent(failed.request), received: "no response: \(failed.failure)", expected: expected,
            curl: Self.curl(failed.request))
    }

    private static func sent(_ request: APIRequest) -> String {
        let body = request.curlBody ?? request.body.map { String(decoding: $0, as: UTF8.self) }
        let text = body.map { "\n\($0)" } ?? ""
        return "\(request.method) \(request.path) with \(request.credential.name)\(text)"
    }

    /// The path below the base URL; the report adds the base URL.
    private static func curl(_ request: APIRequest) -> String {
        var words = ["curl -sS -i"]
        if request.wantsStream { words.append("-N") }
        if request.method != "GET" && request.body == nil { words.append("-X \(request.method)") }
        words.append("\"$URL\(request.path)\"")
        if let form = request.credential.shellForm { words.append("-H \"\(request.credential.field): \(form)\"") }
        words += request.headers.map { "-H '\($0.name): \($0.value)'" }
        if let curlBody = request.curlBody {
            words.append(curlBody)
        } else if let body = request.body {
            let text = String(decoding: body, as: UTF8.self).replacing("'", with: "'\\''")
            words.append("-H 'Content-Type: \(request.contentType)' -d '\(text)'")
        }
        return words.joined(separator: " ")
    }
}

extension Result where Success == Exchange, Failure == RequestFailed {
    /// The completion in the response, or why there is none.
    var completion: Result<Completion, ResponseProblem> {
        switch self {
        case .success(let exchange):
            do throws(ResponseProblem) {
                return .success(try Completion(exchange))
            } catch {
                return .failure(error)
            }
        case .failure(let failed):
            return .failure(ResponseProblem("\(failed.failure)"))
        }
    }

    func evidence(expected: String) -> Evidence {
        switch self {
        case .success(let exchange): Evidence(exchange, expected: expected)
        case .failure(let failed): Evidence(failed, expected: expected)
        }
    }

    var exchange: Exchange? {
        if case .success(let exchange) = self { exchange } else { nil }
    }
}
