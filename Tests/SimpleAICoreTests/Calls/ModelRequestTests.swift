import SimpleAICore
import Testing

@Suite struct ModelRequestTests {
    @Test(
        arguments: [
            (nil, .byClass("fast")), ("", .byClass("fast")), ("class:big", .byClass("big")), ("class:", .byClass("")),
            ("class:a:b", .byClass("a:b")), ("class:class:x", .byClass("class:x")),
            ("llama3:8b", .exactly("llama3:8b")),
            ("class", .exactly("class")), ("Class:big", .exactly("Class:big")), (" class:big", .exactly(" class:big")),
            ("org/model", .exactly("org/model")), ("ｃlass:big", .exactly("ｃlass:big")), (" ", .exactly(" ")),
            // A combining mark joins the colon to one character, but the prefix is present nevertheless.
            ("class:\u{301}x", .byClass("\u{301}x")),
        ] as [(String?, ModelRequest)])
    func readsTheField(_ field: String?, _ expected: ModelRequest) {
        let request = ModelRequest(field: field, defaultClass: "fast")
        #expect(request == expected)
        if let field, !field.isEmpty { #expect(request.description == field) }
    }
}
