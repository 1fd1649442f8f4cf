extension GatewayError {
    /// The error for a refused request body.
    /// - Parameter object: the member whose value was read; nil for the body itself.
    package init(body error: JSONError, in object: String? = nil) {
        let place = object.map { "The field \"\($0)\"" } ?? "The request body"
        if error.isAboutKeys {
            let param = error.ambiguousKey.map { key in object.map { "\($0).\(key)" } ?? key }
            self.init(.invalidRequest, "\(place) is ambiguous: \(error).", param: param ?? object)
        } else {
            self.init(.invalidJSON, "\(place) is not valid JSON: \(error).", param: object)
        }
    }
}
