import SimpleAICore

/// Reads an issuer's key set document from its configured location, repeatedly.
struct KeyDocumentReader: Sendable {
    private let issuer: String
    private let location: IssuerConfiguration.Keys
    private let maxAge: Duration
    private let fetcher: DocumentFetcher
    private let token: KeyFetchToken?

    /// The key set URL from discovery, until a scheduled refresh or a failure repeats discovery.
    private var discovered: String?
    private var fileStamp: KeyFile.Stamp?
    private var fileReadAt: ContinuousClock.Instant?

    init(source: KeySource.Configuration, fetcher: DocumentFetcher) {
        issuer = source.issuer.rawValue
        location = source.location
        maxAge = source.refreshInterval
        self.fetcher = fetcher
        let named = if case .url(let address) = location { address } else { issuer }
        token = source.tokenFile.isEmpty ? nil : KeyFetchToken(path: source.tokenFile, address: named)
    }

    /// The document; nil if it is known to be unchanged.
    /// - Parameter isOnDemand: whether an unknown key id caused the read; the earlier result of discovery is then sufficient.
    mutating func read(isOnDemand: Bool) async throws(KeySourceFault) -> [UInt8]? {
        switch location {
        case .discovery:
            if !isOnDemand { discovered = nil }
            let address: String
            if let discovered {
                address = discovered
            } else {
                address = try await discover()
            }
            discovered = nil
            let document = try await document(at: address)
            discovered = address
            return document
        case .url(let address):
            return try await document(at: address)
        case .file(let path):
            return try readFile(KeyFile(path: path), isOnDemand: isOnDemand)
        }
    }

    private func document(at address: String) async throws(KeySourceFault) -> [UInt8] {
        let authorization = try token?.authorization(for: address)
        do throws(KeySourceFault) {
            return try await fetcher.document(at: address, authorization: authorization)
        } catch {
            guard token != nil, authorization == nil, case .status(let code, _) = error, [401, 403].contains(code)
            else {
                throw error
            }
            throw .unauthorized(status: code, host: String(address.split(separator: "/").dropFirst().first ?? ""))
        }
    }

    /// The tenant under which Entra ID publishes the documents for all tenants, including personal accounts.
    private static let allTenants = "common"

    /// OpenID Connect Discovery 1.0 §4.1 and §4.3.
    private func discover() async throws(KeySourceFault) -> String {
        let name = IssuerTemplate(issuer).name(with: Self.allTenants)
        let base = name.hasSuffix("/") ? String(name.dropLast()) : name
        let document = try await self.document(at: base + "/.well-known/openid-configuration")
        let value: JSONValue
        do throws(JSONFault) {
            value = try StrictJSONParser.document(document)
        } catch {
            throw .notJSON
        }
        guard let members = value.object, let stated = members["issuer"]?.string,
            let address = members["jwks_uri"]?.string
        else { throw .notADiscoveryDocument }
        guard stated.isExactly(issuer) else { throw .otherIssuer(stated: stated, expected: issuer) }
        // Keys over plain HTTP only from issuers that themselves use plain HTTP.
        let scheme = address.prefix { $0 != ":" }.lowercased()
        guard scheme == "https" || (scheme == "http" && issuer.lowercased().hasPrefix("http:")) else {
            throw .insecureKeyAddress
        }
        return address
    }

    private mutating func readFile(_ file: KeyFile, isOnDemand: Bool) throws(KeySourceFault) -> [UInt8]? {
        // Cleared until the file has been read, so that a failure does not count as "unchanged" the next time.
        let known = fileStamp
        fileStamp = nil
        let stamp = try file.stamp()
        let now = ContinuousClock.now
        if stamp == known, !isOnDemand, let fileReadAt, now - fileReadAt < maxAge {
            fileStamp = stamp
            return nil
        }
        let document = try file.contents(atMost: fetcher.limits.size)
        fileStamp = stamp
        fileReadAt = now
        return document
    }
}
