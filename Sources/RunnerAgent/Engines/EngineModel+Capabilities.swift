import RunnerProtocol
import SimpleAICore

extension EngineModel {
    /// Sets what the model can do: as its engine states it, otherwise as its name suggests.
    /// - Parameter stated: empty if the engine states nothing.
    mutating func state(_ stated: Set<ModelCapability>) {
        // Whether it chats, embeds or speaks must be stated: a list such as `[tools]` decides about no endpoint.
        if !stated.isDisjoint(with: ModelCapability.ofEndpoints) {
            capabilities = ModelCapability.allCases.filter(stated.contains)
            capabilitiesAreGuessed = nil
        } else if let suggested = ModelCapability.suggested(by: id) {
            (capabilities, capabilitiesAreGuessed) = ([suggested], true)
        }
    }
}
