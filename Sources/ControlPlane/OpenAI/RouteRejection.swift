import SimpleAICore

/// The document of `POST /v1/route` if a caller with the queried roles would be refused before placement.
struct RouteRejection {
    let call: Call
    let error: GatewayError
    let permissionDeniedStatus: Int
    /// The access section.
    let access: String

    var json: String {
        let fields =
            [
                "\"object\":\"route\"", "\"model\":\(JSONString.encode(call.request.description))",
                "\"endpoint\":\(JSONString.encode(call.endpoint.path))", "\"models\":[]",
                "\"outcome\":\"refused\"", "\"expected_wait_ms\":null", "\"longest_wait_ms\":null", "\"queue\":0",
                "\"status\":\(error.status(permissionDeniedStatus: permissionDeniedStatus))",
                String(error.body.json.dropFirst().dropLast()), "\"access\":\(access)",
            ] + (call.alias.map { ["\"alias\":\($0.json)"] } ?? [])
        return "{\(fields.joined(separator: ","))}"
    }
}
