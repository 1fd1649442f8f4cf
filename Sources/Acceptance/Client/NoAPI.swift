extension Exchange {
    /// One line why the answer to `GET /v1/models` cannot come from an API of this kind, or nil when it may.
    ///
    /// Only what no deployment of the contract answers counts; everything else is for the checks to judge.
    func reasonWhyNoAPI(at target: Target) -> String? {
        let address = "\(target)/v1/models"
        if (300...399).contains(status) {
            let place = header("location").map { " to \($0.prefix(200))" } ?? ""
            return "\(address) redirects\(place) (status \(status)), and redirects are not followed; "
                + "give the address behind it as --url"
        }
        if isHTML || (isSuccess && ending == .clean && json == nil) {
            return "\(address) answered \(contentName) (status \(status)) instead of JSON; "
                + "is --url the base URL of the API?"
        }
        guard status == 404 else { return nil }
        return "\(address) answered 404: there is no API under that path; is --url the base URL of the API?"
    }
}
