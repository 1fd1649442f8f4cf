import NIOCore
import NIOEmbedded
import StandIn
import Testing

/// The deployment that the suite is tested against.
struct StandInTests {
    /// The time is that of the event loop, which the test controls.
    @Test(arguments: [Defect.wakesNothing, nil]) func `a call fails if the machine does not wake`(defect: Defect?)
        throws
    {
        let loop = EmbeddedEventLoop()
        let deployment = StandInDeployment(variant: StandInVariant(requiresCredentials: false), defect: defect)
        let request = StandInRequest(
            method: "POST", path: "/v1/chat/completions", authorization: nil,
            body: Array(#"{"model":"class:big"}"#.utf8))
        var status: Int?
        deployment.respond(request, on: loop).assumeIsolated().whenSuccess { status = $0.status }
        loop.advanceTime(by: StandInDeployment.maxWakeTime - .milliseconds(1))
        #expect(status == (defect == nil ? 200 : nil))
        loop.advanceTime(by: .milliseconds(1))
        #expect(status == (defect == nil ? 200 : 503))
    }
}
