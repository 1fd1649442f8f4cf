import SimpleAICore

/// `x-request-id`: the caller's if it sent a sane one (1 to 128 visible ASCII characters), else a new one.
enum RequestID {
    static func id(stated: String?) -> CallID {
        if let stated, (1...128).contains(stated.utf8.count), stated.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            return CallID(stated)
        }
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return CallID("req-" + String(repeating: "0", count: 16 - digits.utf8.count) + digits)
    }
}
