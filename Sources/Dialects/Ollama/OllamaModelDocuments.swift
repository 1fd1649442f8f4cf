public import SimpleAICore

/// The bodies of the endpoints that describe models.
public enum OllamaModelDocuments {
    /// The version of Ollama's API that these documents follow. Clients compare it number by number: Copilot in VS Code
    /// requires 0.6.4.
    public static let apiVersion = "0.12.6"

    /// `expires_at` of a model without a known time. Clients show a time in the past as "Stopping", and a missing one,
    /// too.
    static let never = "9999-12-31T23:59:59Z"

    /// `GET /api/version`.
    public static func version(_ version: String = apiVersion) -> [UInt8] {
        Array("{\"version\":\(JSONString.encode(version))}".utf8)
    }

    /// `GET /api/tags`.
    public static func tags(_ models: [OllamaModel]) -> [UInt8] {
        list(models) { model, writer in
            write(model, to: &writer) { writer in
                writer.key("modified_at")
                writer.string(model.modifiedAt)
            }
        }
    }

    /// `GET /api/ps`.
    public static func ps(_ models: [OllamaLoadedModel]) -> [UInt8] {
        list(models) { loaded, writer in
            write(loaded.model, to: &writer) { writer in
                writer.key("expires_at")
                writer.string(loaded.expiresAt ?? never)
                writer.key("size_vram")
                writer.integer(max(0, loaded.sizeInVRAM))
                guard let length = loaded.model.contextLength else { return }
                writer.key("context_length")
                writer.integer(length)
            }
        }
    }

    /// `POST /api/show`. The `ollama` package requires `model_info`; Copilot, Zed and others read the context length and
    /// the capabilities from it.
    public static func show(_ model: OllamaModel) -> [UInt8] {
        var writer = OllamaWriter(capacity: 512)
        writer.beginObject()
        for name in ["license", "modelfile", "parameters", "template"] as [StaticString] {
            writer.key(name)
            writer.string("")
        }
        write(model.details, to: &writer)
        writer.key("model_info")
        writer.beginObject()
        let architecture = model.details.family.isEmpty ? "unknown" : model.details.family
        writer.key("general.architecture")
        writer.string(architecture)
        writer.key("general.basename")
        writer.string(model.id)
        if let length = model.contextLength {
            writer.key(text: "\(architecture).context_length")
            writer.integer(length)
        }
        writer.endObject()
        writer.key("capabilities")
        writer.beginArray()
        for capability in model.capabilities { writer.string(capability) }
        writer.endArray()
        writer.key("modified_at")
        writer.string(model.modifiedAt)
        writer.endObject()
        return writer.bytes
    }

    /// The model of a `show` request, in `model` or, as older clients write it, in `name`.
    /// - Throws: `invalidJSON`, or `invalidRequest` with the name of the field.
    public static func shownModel(in body: ArraySlice<UInt8>) throws(GatewayError) -> String {
        var scanner = JSONScanner(watching: showKeys)
        do throws(JSONError) {
            try scanner.scan(body)
            try scanner.finish()
        } catch {
            throw GatewayError(body: error)
        }
        guard scanner.isObject else { throw GatewayError(.invalidRequest, "The request body must be a JSON object.") }
        let start = body.firstIndex { $0 > 0x20 } ?? body.endIndex
        let fields = OllamaFields(JSONSlice(checked: body[start...]), known: ["model", "name"])
        for key in ["model", "name"] {
            if let model = try fields.nonEmptyToken(key)?.string { return model }
        }
        throw fields.refusal(of: "model", "must be the id of a model; GET /api/tags lists them")
    }

    private static let showKeys = JSONScanner.Keys(refusingVariantsOf: ["model", "name"])

    // MARK: Parts

    private static func list<Element>(
        _ elements: [Element], _ write: (Element, inout OllamaWriter) -> Void
    ) -> [UInt8] {
        var writer = OllamaWriter(capacity: 64 + 384 * elements.count)
        writer.beginObject()
        writer.key("models")
        writer.beginArray()
        for element in elements { write(element, &writer) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    private static func write(
        _ model: OllamaModel, to writer: inout OllamaWriter, _ writeOwnMembers: (inout OllamaWriter) -> Void
    ) {
        writer.beginObject()
        writer.key("name")
        writer.string(model.id)
        writer.key("model")
        writer.string(model.id)
        writer.key("size")
        writer.integer(max(0, model.size))
        writer.key("digest")
        writer.string(model.identifyingDigest)
        write(model.details, to: &writer)
        writeOwnMembers(&writer)
        writer.endObject()
    }

    /// All members are present, because typed clients require them.
    private static func write(_ details: OllamaModel.Details, to writer: inout OllamaWriter) {
        writer.key("details")
        writer.beginObject()
        writer.key("parent_model")
        writer.string("")
        writer.key("format")
        writer.string(details.format)
        writer.key("family")
        writer.string(details.family)
        writer.key("families")
        writer.beginArray()
        if !details.family.isEmpty { writer.string(details.family) }
        writer.endArray()
        writer.key("parameter_size")
        writer.string(details.parameterSize)
        writer.key("quantization_level")
        writer.string(details.quantizationLevel)
        writer.endObject()
    }
}
