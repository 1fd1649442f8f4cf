import Testing

@testable import ControlPlane

@Suite struct PathHintTests {
    @Test(arguments: ["/", "/index.html", "/v2", "/api/chat"])
    func unknownPathsGetAHint(path: String) {
        #expect(
            ErrorResponseMiddleware.notFound(path).hasSuffix(
                "The API is under /v1, for example GET /v1/models and POST /v1/chat/completions."))
        #expect(ErrorResponseMiddleware.notFound(path).hasPrefix("Unknown path \(path). "))
    }

    @Test func aPathWithoutItsBeginningIsCompleted() {
        #expect(ErrorResponseMiddleware.notFound("/chat/completions").hasSuffix("use /v1/chat/completions."))
    }
}
