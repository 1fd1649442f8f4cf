import Settings
import SimpleAICore
import Testing

@testable import Gateway

struct DescriptorBudgetTests {
    @Test(arguments: [(128, 42), (256, 128), (1_024, 640), (20_000, 10_000), (.max, 10_000)])
    func connectionsFitIntoTheLimit(limit: Int, expected: Int) throws {
        let budget = DescriptorBudget(limit: limit)
        try budget.check()
        let connections = budget.maxConnections(configured: 10_000)
        #expect(connections == expected)
        // A call needs a connection to a runner in addition, and the reserve remains.
        #expect(connections + connections / 2 + DescriptorBudget.reserve <= limit)
    }

    @Test func aLimitThatIsTooLowIsReported() throws {
        var server = Settings().server
        server.maxConnections = 100
        #expect(DescriptorBudget(limit: 256).warning(for: server) == nil)
        server.maxConnections = 1_000
        let warning = try #require(DescriptorBudget(limit: 256).warning(for: server))
        #expect(warning.keys == ["server", "max_connections"])
        for part in ["1000 connections need 1564 descriptors", "can open 256", "128 connections are accepted"] {
            #expect(warning.message.contains(part), "\(warning)")
        }
        #expect(throws: GatewayStartError.self) { try DescriptorBudget(limit: 127).check() }
    }
}
