import Testing

@testable import Installation

@Suite struct NextStepsTests {
    private func steps(
        _ token: NextSteps.Token, start: NextSteps.Start = .done, model: String = "class:fast",
        address: String = "http://127.0.0.1:8080", settings: String? = nil, sudo: Bool = false
    ) -> String {
        NextSteps(
            address: address, model: model, token: token, start: start, settingsFile: settings, usesSudo: sudo
        ).lines.joined(separator: "\n")
    }

    @Test func `an installation needs no options`() {
        let text = steps(.installedKey)
        #expect(text.contains("Bearer $(simpleai token)\""))
        #expect(text.contains("Another machine:  simpleai invite NAME\n"))
        #expect(text.hasSuffix("Trouble:          simpleai doctor"))
        #expect(!text.contains("Start it"))
    }

    @Test func `after sudo, every command that reads the key or the settings has sudo`() {
        let text = steps(.installedKey, start: .command("systemctl enable --now simpleai"), sudo: true)
        for command in [
            "$(sudo simpleai token)", "sudo simpleai invite NAME", "sudo simpleai doctor",
            "sudo systemctl enable --now simpleai",
        ] {
            #expect(text.contains(command), "\(text)")
        }
    }

    @Test func `a folder of its own is stated in every command`() {
        let text = steps(.key(path: "/a b/key.pem"), start: .command("simpleai serve"), settings: "/a b/simpleai.yaml")
        for command in [
            "simpleai serve --config '/a b/simpleai.yaml'", "$(simpleai token --key '/a b/key.pem')",
            "simpleai invite NAME --url http://127.0.0.1:8080 --token \"$(simpleai token --role admin --key '/a b/key.pem')\"",
            "simpleai doctor --config '/a b/simpleai.yaml'",
        ] {
            #expect(text.contains(command), "\(text)")
        }
        #expect(
            !steps(.installedKey, start: .restart("systemctl restart simpleai"), settings: "x").contains(
                "simpleai --config"))
    }

    @Test func `quotes in names end no word of the shell`() {
        let text = steps(.provider, model: "class:fa'st \"x\"", address: "http://[::1]:8080")
        #expect(text.contains("curl 'http://[::1]:8080/v1/chat/completions'"), "\(text)")
        #expect(text.contains(#"-d '{"model":"class:fa'\''st \"x\"","messages""#), "\(text)")
    }
}
