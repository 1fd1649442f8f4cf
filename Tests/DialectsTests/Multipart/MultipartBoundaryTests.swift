import SimpleAICore
import Testing

@testable import Dialects

@Suite struct MultipartBoundaryTests {
    @Test(arguments: [
        ("multipart/form-data; boundary=B", "B"),
        ("Multipart/Form-Data;BOUNDARY=\"B\"", "B"),
        (
            "multipart/form-data; boundary=\"71e9da95-c5e7-4a9b-901a-ededd613dcd4\"",
            "71e9da95-c5e7-4a9b-901a-ededd613dcd4"
        ),
        ("multipart/form-data; charset=utf-8; boundary=----WebKitFormBoundaryA0", "----WebKitFormBoundaryA0"),
        ("multipart/form-data; boundary=\"a'()+_,-./:?z\"; charset=\"UTF-8\"", "a'()+_,-./:?z"),
        ("multipart/form-data; boundary=" + String(repeating: "b", count: 70), String(repeating: "b", count: 70)),
    ])
    func boundariesOfClients(contentType: String, expected: String) throws {
        #expect(try MultipartBoundary(contentType: contentType).delimiter == Array("--\(expected)".utf8))
    }

    @Test(arguments: [
        "multipart/form-data", "multipart/form-data; boundary", "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=a; Boundary=a", "multipart/form-data; boundary=a; boundary*=utf-8''b",
        "multipart/form-data; boundary*0=a; boundary*1=b", "multipart/form-data; boundary=a b",
        "multipart/form-data; boundary=\"a b\"", "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=\"a=b\"", "multipart/form-data; boundary=a=b",
        "multipart/form-data; boundary=a/b",
        "multipart/form-data; boundary=\"a;b\"", "multipart/form-data; boundary=\"a\\b\"",
        "multipart/form-data; boundary=\"a", "multipart/form-data; boundary =a", "multipart/form-data; boundary= a",
        "multipart/form-data, boundary=a", "multipart/form-data boundary=a", "multipart/form-data; boundary=a;",
        "multipart/form-data; boundary=\"é\"", "multipart/form-data; boundary=a, multipart/form-data; boundary=b",
        "multipart/form-data; boundary=a; charset=utf-7", "multipart/form-data; boundary=a; charset=utf-16",
        "multipart/form-data; boundary=" + String(repeating: "b", count: 71),
    ])
    func refusedBoundaries(contentType: String) {
        #expect(throws: GatewayError.self) { try MultipartBoundary(contentType: contentType) }
        let error = #expect(throws: GatewayError.self) { try MultipartBoundary(contentType: contentType) }
        #expect(error?.param == "Content-Type")
        #expect(
            error?.code
                == (contentType.hasPrefix("multipart/form-data,") || contentType.hasPrefix("multipart/form-data b")
                    ? .unsupportedMediaType : .invalidRequest))
    }

    @Test(arguments: [nil, "", "application/json", "multipart/mixed; boundary=a", "multipart/form-datax; boundary=a"])
    func otherMediaTypes(contentType: String?) {
        let error = #expect(throws: GatewayError.self) { try MultipartBoundary(contentType: contentType) }
        #expect(error?.code == .unsupportedMediaType)
        #expect(!MultipartBoundary.isFormData(contentType ?? ""))
    }
}
