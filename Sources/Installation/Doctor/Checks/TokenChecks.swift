/// Whether the gateway accepts the tokens of the private keys on this machine.
enum TokenChecks {
    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        var findings = (system.gateway?.ownTokens ?? []).compactMap(finding)
        if let status = system.gateway?.running?.tokenRefusal {
            findings.append(
                Finding(
                    "token.not-administrator", .warning,
                    "the gateway refuses the token of --token or $SIMPLEAI_TOKEN (status \(status)): its machines were not checked",
                    fix: status == 403
                        ? "use the token of an administrator: simpleai token --role admin"
                        : "unset SIMPLEAI_TOKEN, or renew the token: simpleai token --role admin"))
        }
        return findings
    }

    private static func finding(on token: SystemDescription.OwnToken) -> Finding? {
        switch token.outcome {
        case .accepted: nil
        case .withoutAdministration:
            Finding(
                "token.no-administration", .warning,
                "tokens of \(token.key) cannot administer the gateway: auth.issuers[].role_claims does not read their claim "
                    + "`roles`",
                fix: "add roles to role_claims of the issuer \(token.issuer)")
        case .refused(let reason):
            Finding(
                "token.refused", "the gateway refuses the tokens of \(token.key): \(reason)", fix: renewal(of: token))
        case .unusable(let reason):
            Finding("token.unusable-key", "\(token.key) makes no tokens: \(reason)", fix: renewal(of: token))
        }
    }

    private static func renewal(of token: SystemDescription.OwnToken) -> String {
        let folder = token.key.lastIndex(of: "/").map { String(token.key[..<$0]) } ?? "."
        return "restore the former files, or make new ones, with which all tokens end: simpleai token init --directory "
            + "\(ShellWord.of(folder)) --issuer \(ShellWord.of(token.issuer)) --audience \(ShellWord.of(token.audience)) --force"
    }
}
