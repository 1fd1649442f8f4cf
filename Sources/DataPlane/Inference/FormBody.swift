import Dialects
import NIOCore
import Relay
import SimpleAICore

/// A call's multipart body: read while it is stored, and sent with the engine's name of the model.
final class FormBody {
    /// With its boundary, as the client stated it.
    let contentType: String
    private var scanner: MultipartScanner
    private let spool: BodySpool
    private var form: MultipartForm?
    private var modelIsTaken = false
    /// Whether the client has to wait until the disk has taken what it sent.
    private(set) var isHeldUp = false

    /// - Parameter spool: stores the body; the owner reports its events here.
    /// - Throws: `unsupportedMediaType` or `invalidRequest`.
    init(contentType: String?, _ spool: BodySpool) throws(GatewayError) {
        scanner = MultipartScanner(try MultipartBoundary(contentType: contentType))
        self.contentType = contentType ?? ""
        self.spool = spool
    }

    /// - Throws: `invalidRequest`, as soon as no continuation could make the body valid, and errors of the storage.
    func append(_ piece: ByteBuffer) throws(GatewayError) {
        let result: Result<Void, GatewayError> = piece.withUnsafeReadableBytes { bytes in
            do throws(GatewayError) {
                return .success(try scanner.scan(bytes))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
        if try !spool.append(piece) { isHeldUp = true }
    }

    /// The field `model`, the first time that it is known.
    func takeModel() -> String? {
        guard !modelIsTaken, let model = scanner.model else { return nil }
        modelIsTaken = true
        return model
    }

    /// The disk has taken what the client sent.
    func spoolIsReady() { isHeldUp = false }

    /// The client has sent the whole body.
    /// - Returns: whether it is stored completely; if not, the spool reports that later.
    func finish() throws(GatewayError) -> Bool {
        form = try scanner.finish()
        return try spool.finish()
    }

    /// The call that the complete body describes.
    func call(_ endpoint: Endpoint, id: CallID, defaultClass: ClassName) -> Call {
        Call(
            id: id, endpoint: endpoint, request: ModelRequest(field: form?.model, defaultClass: defaultClass),
            streams: false, wantsUsage: false, user: form?[.user])
    }

    /// The body with the engine's name of the model.
    /// - Parameter parameters: changes of the other fields; nil for none.
    /// - Throws: `invalidRequest` for values that the body cannot contain.
    func source(model: String, _ parameters: BodyEdits?) throws(GatewayError) -> any BodySource {
        guard let form else { return spool.reader(rewriting: MultipartRewrite(length: spool.length)) }
        return spool.reader(rewriting: try MultipartRewrite(form, model: model, parameters: parameters))
    }

    /// Leaves the body to the source that is being sent; the owner drops its own reference.
    func releaseToSource() { spool.releaseToReaders() }

    /// Drops the body, and closes its file.
    func release() { spool.release() }
}
