/// The model or class that a test requests if the operator named no target, chosen from the model list.
enum TargetChoice {
    /// The target of the Wake-on-LAN test: the first class that is asleep, else the first such model, else ``forLoad(_:)``.
    static func forWake(_ list: ModelList) -> String {
        let asleep = classes(list).first { list.state(of: $0) == .asleep }
        return asleep ?? list.chatModels.first { list.state(of: $0.id) == .asleep }?.id ?? forLoad(list)
    }

    /// The target of the load test: `class:fast` if it is listed, else a class or model that is up, else any listed class or
    /// model.
    static func forLoad(_ list: ModelList) -> String {
        let classes = classes(list)
        if classes.contains(defaultTarget) { return defaultTarget }
        let isUp: Set<TargetState> = [.ready, .loadable]
        let awake = classes.first { isUp.contains(list.state(of: $0)) } ?? list.chatModels.first(where: \.isAwake)?.id
        return awake ?? classes.first ?? list.chatModels.first?.id ?? defaultTarget
    }

    static let defaultTarget = "class:fast"

    /// Sorted, so that the choice does not depend on the list's order.
    private static func classes(_ list: ModelList) -> [String] { list.classNames.sorted().map { "class:\($0)" } }
}
