/// Header fields that carry a bare token, as the APIs of Anthropic and Azure use them.
package enum TokenFields {
    /// In lower case.
    package static let names = ["x-api-key", "api-key"]
}
