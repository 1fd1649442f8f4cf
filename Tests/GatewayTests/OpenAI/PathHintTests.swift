import Testing

@testable import Gateway

@Suite struct PathHintTests {
    @Test(arguments: ["/", "/index.html", "/v2", "/api/chat"])
    func pathsWithoutAPISayWhereItIs(path: String) {
        #expect(
            ErrorObjects.notFound(path).hasSuffix(
                "The API is under /v1, for example GET /v1/models and POST /v1/chat/completions."))
        #expect(ErrorObjects.notFound(path).hasPrefix("Unknown path \(path). "))
    }

    @Test func aPathWithoutItsBeginningIsCompleted() {
        #expect(ErrorObjects.notFound("/chat/completions").hasSuffix("use /v1/chat/completions."))
    }
}
