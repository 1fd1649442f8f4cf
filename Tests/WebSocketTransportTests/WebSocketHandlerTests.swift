import NIOCore
import NIOEmbedded
import NIOWebSocket
import SimpleAICore
import Testing

@testable import WebSocketTransport

@Suite struct WebSocketHandlerTests {
    // MARK: Messages

    @Test func textArrives() throws {
        let socket = try EmbeddedSocket()
        try socket.receive("héllo")
        try socket.receive(.binary, [0, 255])
        #expect(socket.notebook.messages == [.text("héllo"), .binary(ByteBuffer(bytes: [0, 255]))])
    }

    @Test func fragmentsAreAssembledAroundControlFrames() throws {
        let socket = try EmbeddedSocket()
        let bytes = Array("wörld".utf8)
        // The cut is in the middle of a character.
        try socket.receive(.text, Array(bytes[..<2]), fin: false)
        try socket.receive(.ping, [7])
        try socket.receive(.continuation, [], fin: false)
        try socket.receive(.continuation, Array(bytes[2...]))
        #expect(socket.notebook.messages == [.text("wörld")])
        let sent = try socket.sent()
        #expect(sent.map(\.opcode) == [0xA] && sent.first?.bytes == [7])
    }

    @Test func framesMayArriveByteByByte() throws {
        let whole = try EmbeddedSocket()
        var bytes = ByteBuffer(bytes: [0x81, 0x82, 1, 2, 3, 4, UInt8(ascii: "h") ^ 1, UInt8(ascii: "i") ^ 2])
        while let byte = bytes.readSlice(length: 1) { try whole.receive(raw: byte) }
        #expect(whole.notebook.messages == [.text("hi")])
    }

    @Test(arguments: [WebSocketHandler.Role.client, .server]) func onlyClientsMask(_ role: WebSocketHandler.Role) throws
    {
        let socket = try EmbeddedSocket(role)
        socket.notebook.socket?.send("hi")
        let sent = try socket.sent()
        #expect(sent.map(\.masked) == [role == .client])
        #expect(sent.map(\.bytes) == [Array("hi".utf8)])
    }

    // MARK: Protocol violations

    @Test(arguments: [WebSocketHandler.Role.client, .server]) func wrongMaskingIsRefused(_ role: WebSocketHandler.Role)
        throws
    {
        let socket = try EmbeddedSocket(role)
        try socket.receive(.text, [65], masked: role == .client)
        #expect(try socket.sentCloseCode() == 1002)
        #expect(socket.notebook.messages.isEmpty)
    }

    struct Breach: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: Int
        let act: @Sendable (EmbeddedSocket) throws -> Void
        init(_ name: String, _ code: Int, _ act: @escaping @Sendable (EmbeddedSocket) throws -> Void) {
            (testDescription, self.code, self.act) = (name, code, act)
        }
    }

    static let breaches = [
        Breach("a reserved bit", 1002) { try $0.receive(.text, [65], reserved: 0x40) },
        Breach("an unknown opcode", 1002) { try $0.receive(WebSocketOpcode(encodedWebSocketOpcode: 3) ?? .text) },
        Breach("the rest of nothing", 1002) { try $0.receive(.continuation, [65]) },
        Breach("a message inside another", 1002) {
            try $0.receive("a", fin: false)
            try $0.receive("b")
        },
        Breach("no UTF-8", 1007) { try $0.receive(.text, [0xC3, 0x28]) },
        Breach("no UTF-8 in fragments", 1007) {
            try $0.receive(.text, [0xC3], fin: false)
            try $0.receive(.continuation, [0x28])
        },
        Breach("a close code of one byte", 1002) { try $0.receive(.connectionClose, [3]) },
        Breach("a close code that is never sent", 1002) { try $0.receive(.connectionClose, [0x03, 0xED]) },
        Breach("a fragmented ping", 1002) { try $0.receive(.ping, [], fin: false) },
        Breach("a long ping", 1002) { try $0.receive(.ping, Array(repeating: 0, count: 126)) },
        Breach("a giant frame", 1009) { try $0.receive(.text, Array(repeating: 65, count: 1_025)) },
        Breach("a frame of 2^62 bytes", 1009) {
            var header = ByteBuffer(bytes: [0x81, 0xFF])
            header.writeInteger(UInt64(1) << 62)
            header.writeInteger(UInt32(0))
            try $0.receive(raw: header)
        },
        Breach("a frame of 2^63 bytes", 1009) {
            var header = ByteBuffer(bytes: [0x81, 0xFF])
            header.writeInteger(UInt64(1) << 63)
            try $0.receive(raw: header)
        },
        Breach("a giant message in fragments", 1009) {
            try $0.receive(.text, Array(repeating: 65, count: 1_024), fin: false)
            try $0.receive(.continuation, [65])
        },
        Breach("endless empty fragments", 1009) {
            try $0.receive(.text, [], fin: false)
            for _ in 1...8 { try $0.receive(.continuation, [], fin: false) }
        },
        Breach("a flood of pings", 1008) { for _ in 1...21 { try $0.receive(.ping) } },
    ]

    @Test(arguments: breaches) func aProtocolViolationIsReportedAndClosesTheConnection(_ breach: Breach) throws {
        let socket = try EmbeddedSocket {
            $0.maxMessage = .kibibytes(1)
            $0.maxFragments = 8
            $0.budget = FrameBudget(burst: 20, perSecond: 1)
        }
        try breach.act(socket)
        let close = try #require(try socket.sent().last)
        #expect(close.opcode == 8)
        #expect(Int(close.bytes[0]) << 8 | Int(close.bytes[1]) == breach.code)
        // The peer may read the close frame first; then the connection closes, even if the peer sends nothing more.
        #expect(socket.isOpen)
        socket.passTime(.seconds(6))
        #expect(!socket.isOpen)
        #expect(socket.notebook.ends.count == 1)
        guard case .fault(let fault) = socket.notebook.ends[0] else {
            Issue.record("ended as \(socket.notebook.ends)")
            return
        }
        #expect(fault.closeCode == breach.code)
        #expect(socket.notebook.messages.isEmpty)
    }

    @Test func theBudgetFillsUpAgain() throws {
        let socket = try EmbeddedSocket {
            $0.budget = FrameBudget(burst: 10, perSecond: 5)
            $0.pingInterval = .seconds(3_600)
        }
        for _ in 1...20 {
            for _ in 1...5 { try socket.receive("x") }
            socket.passTime(.seconds(1))
        }
        #expect(socket.notebook.messages.count == 100)
        #expect(socket.notebook.ends.isEmpty)
    }

    @Test func aRejectedPeerIsClosedAfterATimeout() throws {
        let socket = try EmbeddedSocket()
        try socket.receive(.continuation)
        for _ in 1...1_024 { try socket.receive("more") }
        #expect(socket.isOpen)
        try socket.receive("more")
        #expect(!socket.isOpen)
        #expect(socket.notebook.messages.isEmpty)
    }

    // MARK: Closing

    @Test func respondsToTheirClose() throws {
        let socket = try EmbeddedSocket()
        try socket.receive(.connectionClose, [0x0F, 0xA0] + Array("bye".utf8))
        #expect(try socket.sentCloseCode() == 4000)
        #expect(!socket.isOpen)
        #expect(socket.notebook.ends == [.closedByPeer(code: 4000, reason: "bye")])
    }

    @Test func ourCloseWaitsForTheirs() throws {
        let socket = try EmbeddedSocket()
        socket.notebook.socket?.close(.goingAway, reason: String(repeating: "é", count: 100))
        let frame = try #require(try socket.sent().first)
        #expect(frame.bytes.count <= 125)
        #expect(String(validating: frame.bytes.dropFirst(2), as: UTF8.self) != nil)
        #expect(socket.isOpen && socket.notebook.ends.isEmpty)
        // Messages that arrive meanwhile are ignored, and messages to send are dropped.
        try socket.receive("late")
        socket.notebook.socket?.send("late")
        try socket.receive(.connectionClose, [0x03, 0xE9])
        #expect(try socket.sent().isEmpty)
        #expect(!socket.isOpen)
        #expect(socket.notebook.ends == [.closedByUs] && socket.notebook.messages.isEmpty)
    }

    @Test func ourCloseTimesOut() throws {
        let socket = try EmbeddedSocket()
        socket.notebook.socket?.close()
        socket.passTime(.seconds(5))
        #expect(!socket.isOpen)
        #expect(socket.notebook.ends == [.closedByUs])
    }

    @Test func reportsABrokenConnection() throws {
        let socket = try EmbeddedSocket()
        try socket.channel.close().wait()
        #expect(socket.notebook.ends == [.lost])
    }

    @Test func aHalfClosedConnectionIsClosed() throws {
        let socket = try EmbeddedSocket()
        socket.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!socket.isOpen && socket.notebook.ends == [.lost])
    }

    @Test func aServerAnnouncesItsShutdown() throws {
        let socket = try EmbeddedSocket()
        socket.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(try socket.sentCloseCode() == 1001)
        try socket.receive(.connectionClose, [0x03, 0xE9])
        #expect(!socket.isOpen)
    }

    // MARK: Timeouts

    @Test func aSilentPeerIsPingedAndThenClosed() throws {
        let socket = try EmbeddedSocket()
        socket.passTime(.seconds(20))
        #expect(try socket.sent().map(\.opcode) == [9])
        try socket.receive(.pong)
        socket.passTime(.seconds(59))
        #expect(socket.isOpen)
        socket.passTime(.seconds(21))
        #expect(!socket.isOpen)
        #expect(socket.notebook.ends == [.silent])
    }

    @Test func anActivePeerIsNotPinged() throws {
        let socket = try EmbeddedSocket()
        for _ in 1...50 {
            socket.passTime(.seconds(10))
            try socket.receive("here")
        }
        #expect(try socket.sent().isEmpty)
        #expect(socket.isOpen)
    }

    @Test func verifyClosesUnlessThePeerRespondsInTime() throws {
        for responses in [true, false] {
            let socket = try EmbeddedSocket { $0.pingInterval = .seconds(3_600) }
            socket.passTime(.seconds(1))
            socket.notebook.socket?.verify(within: .seconds(10))
            #expect(try socket.sent().map(\.opcode) == [9])
            socket.passTime(.seconds(9))
            if responses { try socket.receive(.pong) }
            socket.passTime(.seconds(60))
            #expect(socket.isOpen == responses)
            if !responses {
                guard case .silent? = socket.notebook.ends.first else {
                    Issue.record("ended as \(socket.notebook.ends)")
                    return
                }
            }
        }
    }
}
