import Testing

@testable import Installation

@Suite struct EthtoolOutputTests {
    private static func output(_ lines: String...) -> String {
        "Settings for enp3s0:\n\tSupported ports: [ TP ]\n" + lines.map { "\t\($0)\n" }.joined()
            + "\tLink detected: yes\n"
    }

    @Test(
        arguments: [
            (output("Supports Wake-on: pumbg", "Wake-on: g"), .enabled),
            (output("Supports Wake-on: pumbg", "Wake-on: ug"), .enabled),
            (output("Supports Wake-on: pumbg", "Wake-on: d"), .disabled(interface: "enp3s0")),
            (output("Supports Wake-on: d", "Wake-on: d"), .unsupported(interface: "enp3s0")),
            (output(), nil), ("", nil),
        ] as [(String, SystemDescription.WakeOnLANState?)])
    func `the setting of a card is read`(output: String, expected: SystemDescription.WakeOnLANState?) {
        #expect(EthtoolOutput.wakeOnLAN(in: output, "enp3s0") == expected)
    }
}
