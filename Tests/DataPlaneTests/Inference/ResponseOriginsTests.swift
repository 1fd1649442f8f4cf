import NIOCore
import SimpleAICore
import TestSupport
import Testing

@testable import DataPlane

@Suite struct ResponseOriginsTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000)

    @Test func aResponseIsContinuedOnItsRunner() {
        let origins = ResponseOrigins()
        origins.note("a", createdBy: "r1", for: Sample.caller, now: start)
        origins.note("b", createdBy: "r2", for: Sample.caller, now: start)
        #expect(origins.runner(of: "a", for: Sample.caller, now: start) == "r1")
        #expect(origins.runner(of: "b", for: Sample.caller, now: start) == "r2")
        #expect(origins.runner(of: "c", for: Sample.caller, now: start) == nil)
        origins.note("a", createdBy: "r3", for: Sample.caller, now: start)
        #expect(origins.runner(of: "a", for: Sample.caller, now: start) == "r3")
    }

    @Test func otherCallersCannotContinueAResponse() {
        let origins = ResponseOrigins()
        origins.note("a", createdBy: "r1", for: Sample.caller, now: start)
        #expect(origins.runner(of: "a", for: Sample.specific, now: start) == nil)
        let namesake = Caller(subject: Sample.caller.subject, issuer: "another", roles: [], privileges: [])
        #expect(origins.runner(of: "a", for: namesake, now: start) == nil)
    }

    @Test func aCanonicallyEquivalentCallerCannotContinueAResponse() {
        let origins = ResponseOrigins()
        let kevin = Caller(subject: "Kevin", issuer: "i", roles: [], privileges: [])
        let kelvin = Caller(subject: "\u{212A}evin", issuer: "i", roles: [], privileges: [])
        origins.note("resp_K", createdBy: "r1", for: kevin, now: start)
        #expect(origins.runner(of: "resp_K", for: kevin, now: start) == "r1")
        #expect(origins.runner(of: "resp_K", for: kelvin, now: start) == nil)
        #expect(origins.runner(of: "resp_\u{212A}", for: kevin, now: start) == nil, "another id")
        // Neither replaces the other.
        origins.note("resp_\u{212A}", createdBy: "r2", for: kelvin, now: start)
        #expect(origins.runner(of: "resp_K", for: kevin, now: start) == "r1")
    }

    @Test func anEngineThatRepeatsAnIDDisplacesNoOtherCallersResponse() {
        let origins = ResponseOrigins()
        origins.note("resp_1", createdBy: "r1", for: Sample.caller, now: start)
        origins.note("resp_1", createdBy: "r2", for: Sample.specific, now: start)
        #expect(origins.runner(of: "resp_1", for: Sample.caller, now: start) == "r1")
        #expect(origins.runner(of: "resp_1", for: Sample.specific, now: start) == "r2")
        // Expiry of one caller's entries does not affect the other's.
        #expect(origins.runner(of: "resp_1", for: Sample.specific, now: start + .hours(7)) == nil)
        origins.note("resp_1", createdBy: "r1", for: Sample.caller, now: start + .hours(7))
        #expect(origins.runner(of: "resp_1", for: Sample.caller, now: start + .hours(7)) == "r1")
    }

    @Test func aResponseExpires() {
        let origins = ResponseOrigins(lifetime: .hours(1))
        origins.note("a", createdBy: "r1", for: Sample.caller, now: start + .minutes(30))
        #expect(origins.runner(of: "a", for: Sample.caller, now: start + .minutes(89)) == "r1")
        #expect(origins.runner(of: "a", for: Sample.caller, now: start + .minutes(180)) == nil)
        origins.note("b", createdBy: "r1", for: Sample.caller, now: start + .minutes(180))
        // After a long time without requests, nothing of it is kept either.
        #expect(origins.runner(of: "b", for: Sample.caller, now: start + .hours(30)) == nil)
    }

    @Test func memoryIsBounded() {
        let origins = ResponseOrigins(capacity: 20)
        for number in 0..<1000 { origins.note("\(number)", createdBy: "r1", for: Sample.caller, now: start) }
        let known = (0..<1000).filter { origins.runner(of: "\($0)", for: Sample.caller, now: start) != nil }
        #expect(known == Array(990..<1000), "the last ones")
        let long = String(repeating: "x", count: 10_000)
        origins.note(long, createdBy: "r1", for: Sample.caller, now: start)
        #expect(origins.runner(of: long, for: Sample.caller, now: start) == nil)
    }

    @Test func aCallerWithManyResponsesEvictsItsOwn() {
        let origins = ResponseOrigins(capacity: 100)
        for number in 0..<40 { origins.note("mine-\(number)", createdBy: "r1", for: Sample.specific, now: start) }
        for number in 0..<100_000 { origins.note("\(number)", createdBy: "r1", for: Sample.caller, now: start) }
        for number in 0..<40 {
            #expect(origins.runner(of: "mine-\(number)", for: Sample.specific, now: start) == "r1")
        }
        #expect(origins.runner(of: "99999", for: Sample.caller, now: start) == "r1")
    }
}
