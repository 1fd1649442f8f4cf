/// Numbers the commands to runners.
struct RequestSequence: Hashable, Sendable {
    private var last: UInt64 = 0

    mutating func next() -> CommandID {
        last += 1
        return CommandID(number: last)
    }
}
