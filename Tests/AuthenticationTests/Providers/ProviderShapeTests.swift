import SimpleAICore
import Testing

@testable import Authentication

/// Tokens and key sets as providers write them, under the settings of docs/guides/identity-provider.md.
@Suite(.timeLimit(.minutes(5))) struct ProviderShapeTests {
    @Test(arguments: ProviderShape.all) func isRead(shape: ProviderShape) async throws {
        let (key, foreign) = (try TestKey.make(shape.algorithm), try TestKey.make(.es256))
        try await withVerifier(knowing: shape.keySet(of: key), as: shape.configuration) { verifier in
            let caller = try await verifier.caller(for: shape.token(by: key))
            #expect(caller.subject.rawValue == shape.subject)
            #expect(caller.issuer.rawValue == shape.tokenIssuer ?? shape.issuer)
            #expect(caller.isAdmin == shape.isAdmin)
            #expect(caller.mayRequestSpecificModels)
            for (changes, fault) in shape.refused {
                #expect(await verifier.fault(of: shape.token(by: key, changes)) == fault, "\(changes)")
            }
            // Under the provider's own header, too, another key's signature is refused.
            let forged = shape.token(by: foreign)
            #expect([.badSignature, .algorithmMismatch].contains(await verifier.fault(of: forged)))
            #expect(await verifier.fault(of: shape.token(by: key, ["exp": 0])) == .expired)
        }
    }
}
