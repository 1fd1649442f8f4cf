import Foundation
import Testing

@testable import TokenProviders

@Suite struct DeviceFlowTests {
    private let token = ProvidedToken(text: "abc", obtained: Date(timeIntervalSince1970: 0), expires: nil)

    private func flow(lifetime: Int = 600, interval: Int = 5) -> DeviceFlow {
        DeviceFlow(issuer: "https://sso.example.org", lifetime: .seconds(lifetime), interval: .seconds(interval))
    }

    private func refused(_ error: String) -> DeviceFlow.Poll { .refused(OAuthRefusal(error: error, details: "")) }

    @Test func waitsBeforeTheFirstPoll() {
        #expect(flow().began() == .poll(after: .seconds(5)))
    }

    @Test func pendingKeepsTheInterval() {
        var flow = flow()
        #expect(flow.polled(refused("authorization_pending"), at: .seconds(5)) == .poll(after: .seconds(5)))
        #expect(flow.polled(.granted(token), at: .seconds(10)) == .succeed(token))
    }

    /// RFC 8628 §3.5: five seconds more for this and all later polls.
    @Test func slowDownIsPermanentAndCumulative() {
        var flow = flow()
        #expect(flow.polled(refused("slow_down"), at: .seconds(5)) == .poll(after: .seconds(10)))
        #expect(flow.polled(refused("slow_down"), at: .seconds(15)) == .poll(after: .seconds(15)))
        #expect(flow.polled(refused("authorization_pending"), at: .seconds(30)) == .poll(after: .seconds(15)))
    }

    @Test func doublesTheIntervalAfterATimeoutUpToAMinute() {
        var flow = flow()
        let pauses = (0..<6).map { _ in flow.polled(.noResponse, at: .seconds(5)) }
        #expect(pauses == [10, 20, 40, 60, 60, 60].map { .poll(after: .seconds($0)) })
    }

    @Test func aProviderCannotMakeItPollWithoutPause() {
        #expect(flow(interval: 0).began() == .poll(after: .seconds(1)))
    }

    @Test func endsWhenTheCodeExpires() {
        var flow = flow(lifetime: 12)
        let expired = DeviceFlow.Action.fail(.deviceCodeExpired(issuer: "https://sso.example.org"))
        #expect(flow.polled(refused("authorization_pending"), at: .seconds(5)) == .poll(after: .seconds(5)))
        #expect(flow.polled(refused("authorization_pending"), at: .seconds(10)) == expired)
        #expect(flow.polled(refused("expired_token"), at: .seconds(6)) == expired)
    }

    @Test func endsWithinHalfAnHour() {
        var flow = flow(lifetime: 1_000_000, interval: 60)
        #expect(flow.polled(.noResponse, at: .seconds(1700)) == .poll(after: .seconds(60)))
        #expect(
            flow.polled(.noResponse, at: .seconds(1740))
                == .fail(.deviceCodeExpired(issuer: "https://sso.example.org")))
    }

    @Test(arguments: ["access_denied", "invalid_grant", "invalid_client"])
    func otherRefusalsEndIt(error: String) {
        var flow = flow()
        guard case .fail(.refused(let refusal, _)) = flow.polled(refused(error), at: .zero) else {
            Issue.record("it went on")
            return
        }
        #expect(refusal.error == error)
    }
}
