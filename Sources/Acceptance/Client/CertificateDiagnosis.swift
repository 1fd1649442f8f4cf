import Foundation
import NIOCore
import NIOSSL

/// Explains in a clause why the TLS library rejected a peer's certificates.
///
/// Makes no trust decision: the certificates are already rejected.
struct CertificateDiagnosis {
    /// The certificates of the peer, its own first.
    let chain: [NIOSSLCertificate]
    let host: String
    var now = Date.now

    /// Why the chain is not trusted; nil if it contains no readable certificate.
    var problem: String? {
        guard let leaf = chain.first, let names = names(of: leaf) else { return nil }
        let date = dates.first
        if names.isSelfSigned { return [date, "it is self-signed"].compactMap { $0 }.joined(separator: ", and ") }
        // Outside its validity period, whether the certificate's authority is trusted is unknown.
        if let date { return date }
        let issuer = (chain.last.flatMap(self.names) ?? names).issuerName ?? "an unnamed issuer"
        return "it was issued by '\(issuer)', an authority that this machine does not trust "
            + "(SSL_CERT_FILE=FILE trusts the authorities in FILE)"
    }

    /// Which hosts the certificate is valid for, as a clause; nil if it cannot be read.
    var otherHost: String? {
        guard let leaf = chain.first else { return nil }
        var hosts = leaf._subjectAlternativeNames().compactMap { name -> String? in
            switch name.nameType {
            case .dnsName: String(decoding: name.contents, as: UTF8.self)
            case .ipAddress:
                (try? SocketAddress(packedIPAddress: ByteBuffer(bytes: name.contents), port: 0))?.ipAddress
            default: nil
            }
        }
        if hosts.isEmpty, let name = names(of: leaf)?.subjectName { hosts = [name] }
        guard !hosts.isEmpty else { return "it contains no host names, so it is not valid for \(host)" }
        let shown = hosts.prefix(5).joined(separator: ", ") + (hosts.count > 5 ? ", …" : "")
        return "it is for \(shown), not for \(host)"
    }

    /// A clause for each certificate of the chain that has expired or is not yet valid, the peer's own first.
    private var dates: [String] {
        chain.enumerated().compactMap { index, certificate in
            let certificateName = index == 0 ? "it" : "the certificate of its issuer"
            let (begin, end) = (Self.date(certificate.notValidBefore), Self.date(certificate.notValidAfter))
            if end < now { return "\(certificateName) expired on \(Self.day(end))" }
            guard begin > now else { return nil }
            return "\(certificateName) is not valid before \(Self.day(begin)); check this machine's clock"
        }
    }

    private func names(of certificate: NIOSSLCertificate) -> CertificateNames? {
        (try? certificate.toDERBytes()).flatMap { CertificateNames(certificate: $0) }
    }

    private static func date(_ time: time_t) -> Date { Date(timeIntervalSince1970: TimeInterval(time)) }

    private static func day(_ date: Date) -> String { date.formatted(.iso8601.year().month().day()) }
}

/// Issuer and subject of an X.509 certificate (RFC 5280 §4.1.2).
struct CertificateNames {
    private let issuer: ArraySlice<UInt8>
    private let subject: ArraySlice<UInt8>

    var isSelfSigned: Bool { issuer == subject }
    var issuerName: String? { Self.name(issuer) }
    var subjectName: String? { Self.name(subject) }

    /// Returns nil if the bytes are not a certificate.
    init?(certificate: [UInt8]) {
        var file = DERReader(certificate[...])
        guard var signed = file.next(0x30), var body = signed.next(0x30) else { return nil }
        _ = body.next(0xA0)  // version
        guard body.next(0x02) != nil, body.next(0x30) != nil, let issuer = body.next(0x30), body.next(0x30) != nil,
            let subject = body.next(0x30)
        else { return nil }
        self.issuer = issuer.bytes
        self.subject = subject.bytes
    }

    /// The common name, or else the organisation.
    private static func name(_ bytes: ArraySlice<UInt8>) -> String? {
        let commonName: [UInt8] = [0x55, 0x04, 0x03]
        let organisation: [UInt8] = [0x55, 0x04, 0x0A]
        var found: [[UInt8]: String] = [:]
        var sets = DERReader(bytes)
        while var set = sets.next(0x31), var attribute = set.next(0x30), let type = attribute.next(0x06) {
            guard let value = attribute.next(nil) else { break }
            // Names are untrusted input and must not contain control sequences for a terminal.
            let text = String(decoding: value.bytes, as: UTF8.self)
            found[Array(type.bytes)] = String(text.filter { !$0.isNewline && $0.isPrintable }.prefix(100))
        }
        return found[commonName] ?? found[organisation]
    }
}

extension Character {
    fileprivate var isPrintable: Bool {
        let invisible: Set<Unicode.GeneralCategory> = [.control, .format, .unassigned, .privateUse]
        return unicodeScalars.allSatisfy { !invisible.contains($0.properties.generalCategory) }
    }
}

/// A sequence of DER elements (X.690); never reads beyond the end.
private struct DERReader {
    private(set) var bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// Reads the next element if it has `tag`, or any tag if `tag` is nil; otherwise returns nil and does not advance.
    mutating func next(_ tag: UInt8?) -> DERReader? {
        var rest = bytes
        guard let found = rest.popFirst(), tag == nil || found == tag, var length = rest.popFirst().map(Int.init) else {
            return nil
        }
        if length >= 0x80 {
            let count = length - 0x80
            guard (1...4).contains(count), rest.count >= count else { return nil }
            length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(count)
        }
        guard rest.count >= length else { return nil }
        bytes = rest.dropFirst(length)
        return DERReader(rest.prefix(length))
    }
}
