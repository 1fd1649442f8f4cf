import Foundation
import Installation
import OperatingSystem

#if canImport(Glibc)
import Glibc
#endif

/// Whether a service's user may listen on a port: trying it as another user proves nothing.
enum PortPrivilege {
    /// Nil if the service runs as root, or is none: then trying it is the answer.
    static func isSufficient(for port: Int, of service: SystemDescription.Service?) async -> Bool? {
        guard port > 0, let service, let user = service.user, user != "root" else { return nil }
        let first = try? String(contentsOfFile: "/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding: .utf8)
        guard port < first.flatMap({ Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }) ?? 1_024 else {
            return true
        }
        let shown = await SystemService.output(
            of: "systemctl", ["--no-pager", "show", service.unit, "--property=AmbientCapabilities"], within: .seconds(5)
        )
        guard let shown, shown.isSuccess else { return nil }
        return String(decoding: shown.output, as: UTF8.self).lowercased().contains("cap_net_bind_service")
    }
}
