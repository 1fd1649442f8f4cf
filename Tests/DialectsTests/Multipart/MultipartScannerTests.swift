import SimpleAICore
import Testing

@testable import Dialects

@Suite struct MultipartScannerTests {
    // MARK: Bodies that are read

    @Test(arguments: [
        // The field may stand anywhere.
        ([FormText.field("model", "whisper-1"), FormText.file], "model=whisper-1"),
        ([FormText.file, FormText.field("model", "whisper-1")], "model=whisper-1"),
        (
            [
                FormText.file, FormText.field("language", "de"), FormText.field("model", "é"), FormText.field("n", "2"),
                FormText.field("response_format", "verbose_json"), FormText.field("size", "1024x1024"),
                FormText.field("user", "u"), FormText.field("prompt", "p"), FormText.field("prompt", "p"),
                FormText.field("timestamp_granularities[]", "word"), FormText.field("stream", "false"),
            ],
            "language=de model=é n=2 response_format=verbose_json size=1024x1024 stream=false user=u"
        ),
        (
            [FormText.field("model", "a\r\n--A\r\n-"), FormText.file],
            "model: The field \"model\" contains the forbidden character U+000D."
        ),
        ([FormText.field("model", "m"), FormText.field("language", "")], "language= model=m"),
    ])
    func fields(parts: [(header: String, value: String)], expected: String) {
        #expect(FormText.scan(FormText.body(parts)).summary == expected)
    }

    /// Forms of the header of `model` that real clients send.
    @Test(arguments: [
        "Content-Disposition: form-data; name=\"model\"",  // httpx, curl, browsers
        "content-disposition: form-data; name=\"model\"",
        "Content-Disposition: form-data; name=model",  // .NET
        "Content-Disposition:form-data;name=\"model\"",
        "CONTENT-DISPOSITION:\tForm-Data ;  NAME=\"model\"",
        "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=\"model\"",  // aiohttp
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain; charset=ISO-8859-1\r\n"
            + "Content-Transfer-Encoding: 8bit",  // Apache HttpClient
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Length: 1",  // OkHttp 4
        "Content-Disposition: form-data; name=\"model\"\r\nX-Other: anything \u{e9}",
    ])
    func headersOfClients(header: String) {
        #expect(FormText.scan(FormText.body([(header, "m"), FormText.file])).summary == "model=m")
    }

    /// Forms of the header of a file.
    @Test(arguments: [
        "filename=part1.csv; filename*=utf-8''part1.csv",  // .NET
        "filename=\"a%22b.wav\"",  // browsers, undici, urllib3
        "filename=\"a\\\"b.wav\"",  // curl before 7.81
        "filename=\"C:\\dir\\a.wav\"",
        "filename=\"a; b=c.wav\"",
        "filename=\"é.wav\"",
        "filename*=utf-8''%C3%A9.wav",  // urllib3 1.24
        "filename=\"\"",
    ])
    func fileNamesOfClients(parameters: String) throws {
        let file = ("Content-Disposition: form-data; name=\"file\"; \(parameters)", "0123456789")
        let form = try FormText.scan(FormText.body([file, FormText.field("model", "m")])).get()
        #expect(form.fileCount == 1)
        #expect(form.fileLength == 10)
        #expect(form.partCount == 2)
    }

    @Test(arguments: [
        ("", "\r\n"), ("", ""), ("\r\n", ""), ("", "\r\nAn epilogue.\n--\r\n"),
    ])
    func textAroundTheParts(preamble: String, epilogue: String) throws {
        let text = "\(preamble)--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--B--\(epilogue)"
        let form = try FormText.scan(Array(text.utf8)).get()
        #expect(Array(text.utf8)[form.modelRange].elementsEqual("m".utf8))
        #expect(form.length == text.utf8.count)
    }

    @Test(arguments: [
        ("true", true), ("True", true), ("1", true), ("false", false), ("False", false), ("0", false), ("", false),
    ])
    func streams(value: String, expected: Bool) throws {
        let form = try FormText.scan(FormText.body([FormText.field("stream", value), FormText.field("model", "m")]))
            .get()
        #expect(form.streams == expected)
    }

    /// A call may be placed before its file has arrived.
    @Test func theModelIsKnownOnceItsPartIsComplete() throws {
        let body = FormText.body([FormText.field("model", "m"), FormText.file])
        var scanner = MultipartScanner(try MultipartBoundary(contentType: FormText.contentType))
        let form = try FormText.scan(body).get()
        for (index, byte) in body.enumerated() {
            try scanner.scan([byte])
            #expect(scanner.model == (index < form.modelRange.upperBound + 4 ? nil : "m"), "after byte \(index)")
        }
    }

    // MARK: Bodies that are refused

    @Test(arguments: [
        ([FormText.file], "model: The field \"model\" is missing."),
        (
            [FormText.field("model", "a"), FormText.file, FormText.field("model", "a")],
            "model: The field \"model\" occurs twice. Send it once."
        ),
        (
            [FormText.field("model", "m"), FormText.field("stream", "yes")],
            "stream: The field \"stream\" must be true or false."
        ),
        ([FormText.field("n", "1"), FormText.field("n", "1")], "n: The field \"n\" occurs twice. Send it once."),
        ([FormText.field("model", "")], "model: The field \"model\" is empty."),
        ([FormText.field("model", "a\u{0}")], "model: The field \"model\" contains the forbidden character U+0000."),
        ([FormText.field("Model", "m")], "model: The name of a part must be spelled \"model\"."),
        ([FormText.field("model[]", "m")], "model: The name of a part must be spelled \"model\"."),
        ([FormText.field("STREAM[0]", "m")], "stream: The name of a part must be spelled \"stream\"."),
        (
            [FormText.field("_charset_", "utf-7")],
            "_charset_: The field \"_charset_\" is not supported. Send all fields in UTF-8."
        ),
    ])
    func refusedFields(parts: [(header: String, value: String)], expected: String) {
        #expect(FormText.scan(FormText.body(parts)).summary == expected)
    }

    /// Headers that some reader takes for another name, another end or another value than the gateway would.
    @Test(arguments: [
        "Content-Disposition: form-data; name=\"x\"; name=\"model\"",
        "Content-Disposition: form-data; name=\"x\"; NAME=\"model\"",
        "Content-Disposition: form-data; name=\"x\"; name*=utf-8''model",
        "Content-Disposition: form-data; name*=utf-8''model",
        "Content-Disposition: form-data; name*0=\"mo\"; name*1=\"del\"",
        "Content-Disposition: form-data; namex=\"model\"; name=\"x\"",
        "Content-Disposition: form-data; name=\"x\"; filename=\"a\"; filename=\"b\"",
        "Content-Disposition: form-data; name=\"x\"; filename=\"a; name=model\"",
        "Content-Disposition: form-data; name=\"x\"; filename=\"a;\tNAME=model\"",
        "Content-Disposition: form-data; filename=\"a\\\"; name=\"model\"",
        "Content-Disposition: form-data; name=\"x\"; filename=\"a\\\"; b=\\\"c\"",
        "Content-Disposition: form-data; filename=\"a\\\"b\"; name=\"model\"",
        "Content-Disposition: form-data; filename=\"a\\\"b\"; name=\"x\"",
        "Content-Disposition: form-data; name=\"mo\\del\"",
        "Content-Disposition: form-data; name=\"model\\\"\"",
        "Content-Disposition: form-data; name=\"model%22\"",
        "Content-Disposition: form-data; name=\"/model\"",
        "Content-Disposition: form-data; name=\" model\"",
        "Content-Disposition: form-data; name=\"\"",
        "Content-Disposition: form-data; name=",
        "Content-Disposition: form-data; name =\"model\"",
        "Content-Disposition: form-data; name=\"model\";",
        "Content-Disposition: form-data; name=\"model",
        "Content-Disposition: form-data; name=\"model\" x",
        "Content-Disposition: form-data; name=\"model\"; size=3",
        "Content-Disposition: form-data;\tname=\"model\"",
        "Content-Disposition: form-data; name=\"x\"; filename=\"a\tb\"",
        "Content-Disposition: form-data",
        "Content-Disposition: attachment; name=\"model\"",
        "Content-Disposition: name=\"model\"",
        "Content-Disposition: form-data; name=\"x\"\r\nContent-Disposition: form-data; name=\"model\"",
        "Content-Disposition: form-data;\r\n name=\"model\"",
        "Content-Disposition : form-data; name=\"model\"",
        " Content-Disposition: form-data; name=\"model\"",
        "Content-Disposition: form-data; name=\"model\"\nX: y",
        "Content-Disposition: form-data; name=\"model\"\rX: y",
        "Content-Disposition: form-data; name=\"model\u{0}\"",
        "Content-Disposition",
        "Content-Type: text/plain",
        "Content-Disposition: form-data; name=\"model\"; filename=\"m\"",
        "Content-Disposition: form-data; name=\"model\"; filename*=utf-8''m",
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Type: application/octet-stream",
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain; charset=utf-16",
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain\r\nContent-Type: text/plain",
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: base64",
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: quoted-printable",
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Length: 2",
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Length: 0x1",
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Length: 1\r\nContent-Length: 1",
        "Content-Disposition: form-data; name=\"x\"\r\nContent-Type: multipart/mixed; boundary=A",
        "Content-Disposition: form-data; name=\"x\"\r\nContent-Type: Multipart/Mixed",
        "Content-Disposition: form-data; name=\"x\"; filename=\"--B\"",
    ])
    func refusedHeaders(header: String) {
        for others in [[FormText.field("model", "m")], []] {
            let result = FormText.scan(FormText.body([(header, "m")] + others))
            guard case .failure(let error) = result else {
                Issue.record("\(header) was read as \(result.summary)")
                continue
            }
            #expect(error.code == .invalidRequest)
            #expect(others.isEmpty || !error.message.contains("occurs twice"), "\(error.message)")
        }
    }

    /// Places where some reader finds a delimiter and others do not.
    @Test(arguments: [
        "x\n--B\nContent-Disposition: form-data; name=\"model\"\n\nbig\n--B",
        "x\r--B\r", "x\n--B--", "x--B", "--B", "--B\r\n", "x\r\n--Bx\r\n", "x\r\n--B \r\n", "x\r\n--B\nX",
        "x\r\n--B-\r\n",
        "x\r\n--B--x", "x\r\n--B\rX", "x\r\n---B\r\n",
    ])
    func boundariesOutsideDelimiterLines(value: String) {
        for part in [
            FormText.field("language", value), ("Content-Disposition: form-data; name=\"file\"; filename=\"f\"", value),
        ] {
            let result = FormText.scan(FormText.body([FormText.field("model", "m"), part]))
            guard case .failure(let error) = result else {
                Issue.record("\(value) was read as \(result.summary)")
                continue
            }
            #expect(error.message.contains("boundary") || error.message.contains("empty line"), "\(error.message)")
        }
    }

    @Test(arguments: [
        ("", "Content-Type: The multipart body does not begin with its boundary."),
        ("--A\r\n", "Content-Type: The multipart body does not begin with its boundary."),
        ("A preamble.\r\n--B--\r\n", "Content-Type: The multipart body does not begin with its boundary."),
        ("\n--B--\r\n", "-: The boundary of the multipart body occurs…"),
        (
            "X\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nbig\r\n--B\r\n",
            "Content-Type: The multipart body does not begin with its boundary."
        ),
        ("--B\r\n", "-: The multipart body ends before its final boundary. Send it completely."),
        (
            "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n",
            "model: The multipart body ends before its final boundary. Send it completely."
        ),
        (
            "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--B",
            "model: The multipart body ends before its final boundary. Send it completely."
        ),
        (
            "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--B-",
            "model: The multipart body ends before its final boundary. Send it completely."
        ),
        (
            "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--B--\r",
            "model: The multipart body ends before its final boundary. Send it completely."
        ),
        (
            "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--B--\r\n\r\n--B--\r\n",
            "-: The multipart body continues after its final boundary."
        ),
        (
            "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n--B--\r\n",
            "model: The boundary of the multipart body occurs…"
        ),
        ("--B\r\n\r\nm\r\n--B--\r\n", "-: A part has no Content-Disposition header."),
        ("--B--\r\n", "model: The field \"model\" is missing."),
        (
            "--B\nContent-Disposition: form-data; name=\"model\"\n\nm\n--B--\n",
            "-: The boundary of the multipart body occurs…"
        ),
        (
            "--B\r\nContent-Disposition: form-data; name=\"model\"\n\nm\r\n--B--\r\n",
            "-: The lines of a multipart body must end with CR LF."
        ),
    ])
    func refusedStructures(text: String, expected: String) {
        let summary = FormText.scan(Array(text.utf8)).summary
        if expected.hasSuffix("…") {
            #expect(summary.hasPrefix(expected.dropLast()))
        } else {
            #expect(summary == expected)
        }
    }

    // MARK: Bounds

    @Test func valuesAreBounded() {
        for (length, isRead) in [(512, true), (513, false), (20_000, false)] {
            for size in [nil, 1, 7] {
                let value = String(repeating: "m", count: length)
                let result = FormText.scan(FormText.body([FormText.field("model", value), FormText.file]), size: size)
                #expect(
                    result.summary
                        == (isRead ? "model=\(value)" : "model: The field \"model\" is longer than 512 bytes."))
            }
        }
        // Values that the gateway does not read are not bounded.
        let prompt = FormText.field("prompt", String(repeating: "p", count: 100_000))
        #expect(FormText.scan(FormText.body([prompt, FormText.field("model", "m")])).summary == "model=m")
    }

    /// A value without an end is refused before it fills the memory.
    @Test func valuesAreRefusedBeforeTheyEnd() throws {
        var scanner = MultipartScanner(try MultipartBoundary(contentType: FormText.contentType))
        try scanner.scan(Array("--B\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\n".utf8)[...])
        for count in 1...600 {
            let result = Result { () throws(GatewayError) in try scanner.scan([0x75]) }
            // Three bytes of a delimiter and a line end may follow the value.
            #expect((try? result.get()) == nil ? count > 517 : count <= 517, "after \(count) bytes")
        }
    }

    @Test func headersAreBounded() {
        for (length, isRead) in [(8_000, true), (8_192, false)] {
            for size in [nil, 100] {
                let header =
                    "Content-Disposition: form-data; name=\"model\"\r\nX: " + String(repeating: "x", count: length)
                let result = FormText.scan(FormText.body([(header, "m")]), size: size)
                #expect(
                    result.summary
                        == (isRead ? "model=m" : "model: The header of a part is longer than 8192 bytes."))
            }
        }
        let endless = Array("--B\r\n".utf8) + [UInt8](repeating: 0x61, count: 8_193)
        #expect(FormText.scan(endless).summary == "-: The header of a part is longer than 8192 bytes.")
    }

    @Test func partsAreBounded() {
        for (count, isRead) in [(127, true), (128, false)] {
            let parts = (0..<count).map { _ in FormText.field("prompt", "") } + [FormText.field("model", "m")]
            #expect(
                FormText.scan(FormText.body(parts)).summary
                    == (isRead ? "model=m" : "model: The multipart body has more than 128 parts."))
        }
    }

    @Test func anErrorIsPermanent() throws {
        var scanner = MultipartScanner(try MultipartBoundary(contentType: FormText.contentType))
        #expect(throws: GatewayError.self) { try scanner.scan(Array("--Bx".utf8)[...]) }
        let rest = FormText.body([FormText.field("model", "m")]).dropFirst(3)
        #expect(throws: GatewayError.self) { try scanner.scan(rest) }
        #expect(throws: GatewayError.self) { try scanner.finish() }
    }
}
