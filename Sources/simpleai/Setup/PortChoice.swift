import Installation
import SimpleAICore

/// Chooses the port on which a program will listen: one that it can have.
struct PortChoice {
    let host: String
    /// The option that names the host.
    let hostOption: String
    /// The option that names the port.
    let option: String
    /// The port of this installation's program, if that runs: it is restarted.
    let own: Int?
    /// Whether the program is not started now: a port that is taken may be free by then.
    let isLater: Bool

    /// Checks a port that the user chose.
    func check(_ port: Int) throws -> Int {
        do throws(CommandFailure) {
            guard try isFree(port) else {
                let user = (ListeningProcess(port: port)?.description).map(JSONString.visible) ?? "another program"
                throw CommandFailure(
                    "port \(port) is in use by \(user); stop it, or choose another port with \(option)")
            }
        } catch {
            guard isLater else { throw error }
            SetupCommand.warn(error.description)
        }
        return port
    }

    /// The first free port.
    func first(in range: Range<Int>) throws -> Int {
        if let own, try isFree(own) { return own }
        for port in range where try isFree(port) { return port }
        throw CommandFailure(
            "the ports \(range.lowerBound) to \(range.upperBound - 1) are all in use; choose one with \(option)")
    }

    private func isFree(_ port: Int) throws(CommandFailure) -> Bool {
        switch ListenerProbe.outcome(host, port) {
        case .free, .own: return true
        case .taken: return port == own
        case .notPermitted:
            throw CommandFailure("port \(port) requires privileges that this user lacks; choose another with \(option)")
        case .foreignAddress:
            throw CommandFailure(
                "\(host) is not an address of this machine (`ip address` lists them); choose another with \(hostOption)"
            )
        case nil:
            throw CommandFailure(
                "\(host) is neither an address of this machine nor a name for one; choose another with \(hostOption)")
        }
    }
}
