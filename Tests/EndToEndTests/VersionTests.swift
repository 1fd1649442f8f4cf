import Testing

/// The version that the binary states.
@Suite struct VersionTests {
    @Test(.enabled(if: JoinedFleet.curl != nil, JoinedFleet.curlMissing))
    func `metrics state the version that --version prints`() async throws {
        let printed = try await Program.simpleai("--version").run().output
        let version = printed.split(whereSeparator: \.isNewline).joined()
        #expect(!version.isEmpty)
        try await JoinedFleet.with(models: ["m"]) { fleet in
            let metrics = try await fleet.curl("/metrics").run().output
            #expect(metrics.contains("\nsimpleai_build_info{version=\"\(version)\"} 1\n"), "\(metrics.prefix(300))")
        }
    }
}
