import Foundation
import TestSupport

extension Corpora {
    private static let requests = directory.appendingPathComponent(
        "gunicorn-requests/tests/requests", isDirectory: true)

    static let requestsPath = requests.path
    static let hasRequests = FileManager.default.fileExists(atPath: requestsPath)

    /// gunicorn's raw requests of one verdict, `valid` or `invalid`, in order. The files spell line ends as escapes,
    /// and real line ends are to be dropped; other bytes that an editor would change are escaped as well.
    static func requestFiles(_ verdict: String) throws -> [(name: String, bytes: [UInt8])] {
        let folder = requests.appendingPathComponent(verdict, isDirectory: true)
        return try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".http") }.sorted()
            .map { name in
                let data = Array(try Data(contentsOf: folder.appendingPathComponent(name)))
                return ("\(verdict)/\(name.dropLast(5))", unescaped(data.filter { $0 != 0x0A }))
            }
    }

    private static func unescaped(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let kind = rest.first else {
                result.append(byte)
                continue
            }
            let plain: [UInt8: UInt8] = [
                UInt8(ascii: "r"): 0x0D, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "t"): 0x09, UInt8(ascii: "0"): 0,
            ]
            if let meaning = plain[kind] {
                result.append(meaning)
                rest.removeFirst()
            } else if kind == UInt8(ascii: "x"), rest.count >= 3,
                let value = UInt8(String(decoding: rest.dropFirst().prefix(2), as: UTF8.self), radix: 16)
            {
                result.append(value)
                rest.removeFirst(3)
            } else {
                result.append(byte)
            }
        }
        return result
    }
}
