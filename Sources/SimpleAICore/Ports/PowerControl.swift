/// Wakes machines and puts them to sleep. The gateway uses Wake-on-LAN, programs and web hooks for this only through
/// this protocol.
public protocol PowerControl: Sendable {
    /// Returns once the packet is sent, the program has ended or the web hook has responded, within the time limit of the
    /// method. No method confirms that the machine changes its state.
    func perform(_ method: PowerMethod) async throws(PowerError)
}

/// A method to change a machine's power state. All of them wake machines; programs and web hooks also put them to sleep.
public enum PowerMethod: Hashable, Sendable {
    case packet(WakePacketRequest)
    /// A helper on the machine's own network sends the packet.
    case relay(WakeRelayRequest)
    /// A program of the operator.
    case command(PowerCommandRequest)
    /// A web hook of the operator.
    case http(PowerHookRequest)

    /// Packets get lost, so they are sent repeatedly. A program or a web hook may toggle the power: after a success it
    /// is not repeated within one wake, and it does not run while the machine is still falling asleep.
    public var isRepeated: Bool {
        switch self {
        case .packet, .relay: true
        case .command, .http: false
        }
    }
}

extension PowerMethod: CustomStringConvertible {
    /// For logs: the destination, never a password, an argument or a path, which may be secrets.
    public var description: String {
        switch self {
        case .packet(let request): "\(request.broadcast):\(request.port)"
        case .relay(let request): "relay \(request.host):\(request.port)"
        case .command(let request): "command \(request.program)"
        case .http(let request): "http \(request.host)"
        }
    }
}

/// One magic packet and its destination.
public struct WakePacketRequest: Hashable, Sendable {
    public var mac: MACAddress
    /// The machine's SecureOn password: six bytes, or empty for a machine without one.
    public var secureOn: [UInt8]
    /// A broadcast or unicast address, or a host name.
    public var broadcast: String
    public var port: Int

    public init(mac: MACAddress, secureOn: [UInt8] = [], broadcast: String = "255.255.255.255", port: Int = 9) {
        self.mac = mac
        self.secureOn = secureOn
        self.broadcast = broadcast
        self.port = port
    }
}

/// A request to a helper: the line `MAC BROADCAST` over TCP.
public struct WakeRelayRequest: Hashable, Sendable {
    public var host: String
    public var port: Int
    public var mac: MACAddress
    /// The destination of the helper's packet.
    public var broadcast: String

    public init(host: String, port: Int, mac: MACAddress, broadcast: String) {
        self.host = host
        self.port = port
        self.mac = mac
        self.broadcast = broadcast
    }
}

/// A program and its arguments, started directly: no shell interprets them.
public struct PowerCommandRequest: Hashable, Sendable {
    /// A path, or a name that is searched on the `PATH`.
    public var program: String
    public var arguments: [String]

    public init(program: String, arguments: [String] = []) {
        self.program = program
        self.arguments = arguments
    }
}

/// A request without a body. Any response from 200 to 299 is success.
public struct PowerHookRequest: Hashable, Sendable {
    public var method: String
    /// `http` or `https`; redirects are not followed.
    public var url: String
    /// Only the host, because the rest of the URL may be a secret.
    public var host: String

    public init(method: String, url: String, host: String) {
        self.method = method
        self.url = url
        self.host = host
    }
}

/// Why a method failed. For operators: descriptions name addresses and programs, never passwords,
/// arguments or paths of URLs.
public enum PowerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The request itself is invalid.
    case invalidRequest(reason: String)
    case unknownHost(String)
    /// The system forbids it, as containers and firewalls do with broadcasts.
    case notPermitted(address: String)
    case noRoute(address: String)
    case failed(address: String, reason: String)
    case programFailed(program: String, reason: String)

    public var description: String {
        switch self {
        case .invalidRequest(let reason): "no packet can be sent: \(reason)"
        case .unknownHost(let host): "the host name \(host) does not resolve"
        case .notPermitted(let address): "the operating system does not permit packets to \(address)"
        case .noRoute(let address): "there is no route to \(address)"
        case .failed(let address, let reason): "sending to \(address) failed: \(reason)"
        case .programFailed(let program, let reason): "\(program) \(reason)"
        }
    }
}
