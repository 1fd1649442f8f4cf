import SimpleAICore
import Testing

@testable import Authentication

@Suite struct RoleClaimsTests {
    private func claims(_ members: JSONValue) throws -> Claims {
        let whole = members.with("iss", "i").with("sub", "s").with("exp", 1)
        return try Claims(json: Array(whole.text.utf8))
    }

    @Test(
        arguments: [
            (["roles": ["a", "b"]], [.dotted("roles")], ["a", "b"]),
            (["roles": "a"], [.dotted("roles")], ["a"]),
            (["roles": "a b"], [.dotted("roles")], ["a b"]),
            (["realm_access": ["roles": ["a"]]], [.dotted("realm_access.roles")], ["a"]),
            (
                ["realm_access.roles": ["flat"], "realm_access": ["roles": ["deep"]]], [.dotted("realm_access.roles")],
                ["flat"]
            ),
            (["realm_access.roles": 5, "realm_access": ["roles": ["deep"]]], [.dotted("realm_access.roles")], []),
            (["https://example.com/roles": ["a"]], [.dotted("https://example.com/roles")], ["a"]),
            (
                ["resource_access": ["my.client": ["roles": ["a"]]]],
                [.keys(["resource_access", "my.client", "roles"])], ["a"]
            ),
            (["resource_access": ["my.client": ["roles": ["a"]]]], [.dotted("resource_access.my.client.roles")], []),
            (["a.b": ["x"]], [.keys(["a", "b"])], []),
            (["a.b": ["x"]], [.keys(["a.b"])], ["x"]),
            (
                ["roles": ["a"], "groups": ["b"], "more": "c"], [.dotted("roles"), .dotted("groups"), .keys(["more"])],
                ["a", "b", "c"]
            ),
            // An entry of a list that is not a string is not a role, and leaves the others unaffected.
            (["roles": ["a", 5]], [.dotted("roles")], ["a"]),
            (["roles": ["a", nil, "b", ["c"], ["d": true], "", false]], [.dotted("roles")], ["a", "b"]),
            (["roles": [["a"]]], [.dotted("roles")], []),
            // Scopes are split at spaces; no other claim is.
            (["scope": "openid admin  profile "], [.dotted("scope")], ["openid", "admin", "profile"]),
            (["scp": "a b"], [.keys(["scp"])], ["a", "b"]), (["scp": ["a", "b c"]], [.dotted("scp")], ["a", "b c"]),
            (["scope": ""], [.dotted("scope")], []), (["scope": ["admin": true]], [.dotted("scope")], []),
            (["x": ["scope": "a b"]], [.dotted("x.scope")], ["a b"]), (["scopes": "a b"], [.dotted("scopes")], ["a b"]),
            // The names of an object's members, except for those with the value false or null.
            (
                ["urn:x:roles": ["admin": ["1": "example.test"], "user": true]],
                [.memberNames(.keys(["urn:x:roles"]))], ["admin", "user"]
            ),
            (["r": ["a": true, "b": false, "c": nil, "": true, "d": 0]], [.memberNames(.dotted("r"))], ["a", "d"]),
            (["r": ["s": ["a": 1]]], [.memberNames(.dotted("r.s"))], ["a"]),
            (["r": ["a"]], [.memberNames(.dotted("r"))], []),
            (["r": "a"], [.memberNames(.dotted("r"))], []), (["r": nil], [.memberNames(.dotted("r"))], []),
            (["r": ["a": 1]], [.dotted("r")], []), (["a": 1], [.memberNames(.keys([]))], []),
            (["roles": ["a": true]], [.dotted("roles")], []),
            (["roles": 5], [.dotted("roles")], []),
            (["roles": true], [.dotted("roles")], []),
            (["roles": nil], [.dotted("roles")], []),
            (["roles": ["", "a"]], [.dotted("roles")], ["a"]),
            (["roles": ["a"]], [.keys([])], []),
            (["roles": ["a"]], [], []),
            (["roles": ["a"]], [.dotted("")], []),
            (["roles": ["a"]], [.dotted("roles.")], []),
            (["roles": "admin"], [.dotted("roles.admin")], []),
        ] as [(JSONValue, [IssuerConfiguration.ClaimPath], Set<Role>)])
    func readsRoles(members: JSONValue, paths: [IssuerConfiguration.ClaimPath], roles: Set<Role>) throws {
        #expect(try claims(members).roles(at: paths) == roles)
    }

    @Test(
        arguments: [
            (["admin"], true, true), (["model:specific"], false, true), (["user"], false, false),
            (["Admin", "ADMIN", "admin ", "model:Specific"], false, false), ([], false, false),
        ] as [([JSONValue], Bool, Bool)])
    func mapsRolesToPrivileges(roles: [JSONValue], isAdmin: Bool, mayAsk: Bool) throws {
        let issuer = IssuerConfiguration(issuer: "i", audience: .any)
        let caller = try claims(["roles": .array(roles)]).caller(under: issuer)
        #expect(caller.isAdmin == isAdmin)
        #expect(caller.subject == "s")
        #expect(caller.mayRequestSpecificModels == mayAsk)
    }

    /// The Kelvin sign equals a K for Swift's `==`; a role is compared by its bytes.
    @Test func privilegesNeedTheExactBytes() throws {
        var issuer = IssuerConfiguration(issuer: "i", audience: .any)
        issuer.adminRole = "K"
        #expect(try claims(["roles": ["K"]]).caller(under: issuer).isAdmin)
        #expect(try !claims(["roles": ["\u{212A}"]]).caller(under: issuer).isAdmin)
    }
}
