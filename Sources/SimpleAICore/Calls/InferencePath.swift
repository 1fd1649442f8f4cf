/// The inference endpoint of a request target, and the model that the path itself names.
///
/// Besides the paths of `Endpoint`, Azure's form is read: `/openai/deployments/MODEL/chat/completions`, whose query
/// (`api-version`) has no meaning here.
public struct InferencePath: Hashable, Sendable {
    public let endpoint: Endpoint
    /// The deployment's name, percent-decoded; nil for other paths.
    public let model: String?

    /// Nil if the target is no inference path.
    public init?(_ uri: String) {
        // Nearly all clients send the path in its usual spelling.
        if let endpoint = Endpoint(rawValue: uri) {
            self.init(endpoint, model: nil)
            return
        }
        let path = RequestTarget(uri).path
        if let endpoint = Endpoint(rawValue: path) {
            self.init(endpoint, model: nil)
        } else {
            self.init(deployment: path)
        }
    }

    private init(_ endpoint: Endpoint, model: String?) {
        self.endpoint = endpoint
        self.model = model
    }

    private init?(deployment path: String) {
        let prefix = "/openai/deployments/".utf8
        guard path.utf8.starts(with: prefix) else { return nil }
        let rest = path.utf8.dropFirst(prefix.count)
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")), slash > rest.startIndex,
            let model = PercentEncoding.decoded(Substring(rest[..<slash])),
            let endpoint = Endpoint(rawValue: "/v1" + Substring(rest[slash...])), endpoint.dialect == .openAI
        else { return nil }
        self.init(endpoint, model: model)
    }
}
