/// Reads the Wake-on-LAN setting from the output of `ethtool INTERFACE`.
public enum EthtoolOutput {
    /// Nil if the output does not contain it, as for a user other than root.
    public static func wakeOnLAN(in text: String, _ interface: String) -> SystemDescription.WakeOnLANState? {
        var supported: Substring?
        var current: Substring?
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let value = parts[1].split(separator: " ").first else { continue }
            switch parts[0].drop(while: \.isWhitespace) {
            case "Supports Wake-on": supported = value
            case "Wake-on": current = value
            default: break
            }
        }
        // `g` is the magic packet (ethtool(8)).
        if let supported, !supported.contains("g") { return .unsupported(interface: interface) }
        guard let current else { return nil }
        return current.contains("g") ? .enabled : .disabled(interface: interface)
    }
}
