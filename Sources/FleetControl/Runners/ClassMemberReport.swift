import Logging
import Scheduling
import SimpleAICore
import Synchronization

/// Logs one warning for each class member that no machine lists, once the lists of all machines are known.
final class ClassMemberReport: Sendable {
    private let classes: [ModelClass]
    private let logger: Logger
    private let reported = Mutex<Set<ExactString>>([])

    init(classes: [ModelClass], logger: Logger) {
        self.classes = classes
        self.logger = logger
    }

    func check(_ fleet: SchedulerSnapshot) {
        let listed = fleet.runners.map { (runner: $0.runner.id, models: Array($0.models.keys)) }
        for finding in ClassMemberCheck.findings(classes, listed: listed) {
            guard reported.withLock({ $0.insert(ExactString("\(finding.className) \(finding.member)")).inserted })
            else { continue }
            logger.warning(
                "Class member unavailable",
                metadata: [
                    LogKeys.object: "class:\(finding.className)", LogKeys.model: "\(finding.member)",
                    LogKeys.cause: "\(finding.message)",
                ])
        }
    }
}
