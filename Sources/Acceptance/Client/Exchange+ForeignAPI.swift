extension Exchange {
    /// Why the response to `GET /v1/models` cannot come from an OpenAI API, in one line; nil if it can.
    ///
    /// Covers only responses that no conforming deployment sends; the checks judge all others.
    func foreignAPIReason(at deployment: DeploymentAddress) -> String? {
        let address = "\(deployment)/v1/models"
        if (300...399).contains(status) {
            let destination = header("location").map { " to \($0.prefix(200))" } ?? ""
            return "\(address) redirects\(destination) (status \(status)), and redirects are not followed; "
                + "use the target of the redirect as --url"
        }
        if isHTML || (isSuccess && ending == .clean && json == nil) {
            return "\(address) returned \(contentName) (status \(status)) instead of JSON; "
                + "--url must be the base URL of the API"
        }
        guard status == 404 else { return nil }
        return "\(address) returned 404: no API under that path; --url must be the base URL of the API"
    }
}
