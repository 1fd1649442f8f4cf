import Authentication
import ControlPlane
import DataPlane
import FleetControl
import Foundation
import Logging
import OperatingSystem
import Relay
import Scheduling
public import Settings
public import SimpleAICore
import Storage
import WakeOnLAN

extension GatewayApplication {
    /// Applies new settings while calls run, all of them or none, and logs one line per changed setting.
    ///
    /// Calls and connections in progress keep their settings, certificates included. Settings that require a restart
    /// remain unchanged, and a warning names them. Must not be called concurrently.
    /// - Throws: `GatewayStartError` if a setting cannot be used; then no setting has changed.
    public func reload(_ settings: Settings) throws(GatewayStartError) {
        let old = dataPlane.rules.settings
        let (adopted, changes) = old.adopting(settings)
        let access = AccessRules(adopted)
        let rules = try DataPlaneRules(adopted, access)
        let plan = try RunnerPlan(from: old, to: adopted, fleet.upstreams)
        if let taken = plan.changed.map(\.runner.id).first(where: { fleet.isAgent($0) }) {
            throw GatewayStartError("\(taken) is the id of a registered agent; choose another id", at: ["runners"])
        }

        // Rules first: the old rules do not know new classes, and must not place a call on a new runner.
        dataPlane.adopt(rules)
        controlPlane.adopt(.init(settings: adopted, access: access))
        budget.setLimit(adopted.server.maxBuffered.bytes, minShare: adopted.server.maxBody.bytes)
        spool.budget.setLimit(
            adopted.server.maxSpooled.bytes, minShare: adopted.server.maxBody.bytes,
            maxPerCaller: adopted.server.maxSpooledPerCaller.bytes)
        scheduler.reconfigure(SchedulerState.Configuration(adopted))
        fleet.adopt(plan, adopted)
        for upstream in plan.retired { pools.retire(upstream) }
        for change in changes { log(change) }
        logger.info(
            "Settings reloaded", metadata: [LogKeys.count: "\(changes.filter { !$0.needsRestart }.count)"])
    }

    /// Checks that valid settings can be used on this machine.
    /// - Throws: `GatewayStartError`, for example for a private key that does not match its certificate.
    public static func check(_ settings: Settings) throws(GatewayStartError) {
        _ = try DataPlaneRules(settings, AccessRules(settings))
        for issuer in settings.auth.issuers { _ = try IssuerConfiguration(issuer) }
        _ = try RunnerPlan(from: Settings(), to: settings, UpstreamDirectory())
    }

    /// Warnings about settings that are valid but probably unintended on this machine.
    public static func warnings(_ settings: Settings) -> [GatewayStartError] {
        let descriptors = DescriptorBudget(limit: DescriptorLimit.raise())
        return [descriptors.warning(for: settings.server)].compactMap { $0 } + memberWarnings(settings)
            + keyWarnings(settings) + certificateWarnings(settings)
    }

    /// Warnings about roles of API keys that grant nothing, usually because a policy spells the name differently.
    private static func keyWarnings(_ settings: Settings) -> [GatewayStartError] {
        guard settings.auth.mode != .none, !settings.keys.database.isEmpty else { return [] }
        let now = Date()
        let keys = KeyStore.peek(path: settings.keys.database).filter { $0.isActive(at: now) }
        let roles = RoleNames(forKeysUnder: settings, specificRole: APIKeyRoles.specificModels)
        var warnings: [GatewayStartError] = []
        for role in keys.reduce(into: Set<Role>(), { $0.formUnion($1.roles) }).sorted() {
            guard !roles.isEffective(role), let key = keys.first(where: { $0.roles.contains(role) }) else { continue }
            let others = keys.count { $0.roles.contains(role) } - 1
            warnings.append(
                GatewayStartError(
                    "the API key \(key.hint)\(others > 0 ? " and \(others) more" : "") "
                        + "\(others > 0 ? "have" : "has") the role \(JSONString.encode(role.rawValue)), which "
                        + "no policy and no setting lists; "
                        + (roles.nearest(to: role).map { "did you mean \($0)?" }
                            ?? "add it to a policy's roles, or revoke the key"),
                    at: ["keys", "database"]))
        }
        // Many warnings usually have one cause, which the first ones show.
        return Array(warnings.prefix(maxKeyWarnings))
    }

    private static let maxKeyWarnings = 10

    /// Warnings about class members that neither the settings nor the latest known model lists of machines contain.
    /// Machines that were never probed are checked when they respond.
    private static func memberWarnings(_ settings: Settings) -> [GatewayStartError] {
        // If the settings state every list, the settings reader has already reported these members.
        guard settings.runners.contains(where: \.models.isEmpty) || settings.fleet.acceptsAgents else { return [] }
        let known = StateFile(path: settings.fleet.stateFile).peek().runners
        var listed = settings.runners.map { runner in
            (
                runner: runner.id,
                models: Array(
                    Runner(runner).publicModels(engineModels: known[runner.id.rawValue]?.engineModels ?? []).keys)
            )
        }
        let staticIDs = Set(settings.runners.map(\.id.rawValue))
        for (id, agent) in known where !staticIDs.contains(id) {
            guard let machine = agent.agent else { continue }
            let runner = Runner(RunnerID(id), machine)
            listed.append(
                (runner: runner.id, models: Array(runner.publicModels(engineModels: agent.engineModels).keys)))
        }
        return ClassMemberCheck.findings(ClassTable(settings).classes, listed: listed).map {
            GatewayStartError(
                "\($0.message); use the name in the machine's list, or define an alias"
                    + (settings.fleet.acceptsAgents ? ", unless an agent that has not joined yet lists it" : ""),
                at: ["classes", $0.className.rawValue])
        }
    }

    private func log(_ change: SettingsChange) {
        var metadata: Logger.Metadata = [LogKeys.key: "\(change.key)"]
        if let from = change.from { metadata[LogKeys.from] = "\(from)" }
        if let to = change.to { metadata[LogKeys.to] = "\(to)" }
        if change.needsRestart {
            logger.warning("Setting requires restart", metadata: metadata)
        } else {
            logger.info("Setting changed", metadata: metadata)
        }
    }
}

extension SchedulerState.Configuration {
    init(_ settings: Settings) {
        self.init()
        queueLength = settings.routing.queueLength
        queueTimeout = settings.routing.queueTimeout
        ejection = EjectionPolicy(
            failures: settings.routing.ejectionFailures, duration: settings.routing.ejectionTime,
            maxShare: settings.routing.ejectionMaxShare)
        gracePeriod = settings.fleet.gracePeriod
        wakeEnabled = settings.wake.enabled
        wakeTimeout = settings.wake.timeout
        sleepAfter = settings.sleep.after
        if settings.routing.timeouts.firstByte > .zero { loadTimeout = settings.routing.timeouts.firstByte }
        checksAfterSleep = true
        let schedule = PacketSchedule(firstOffsets: settings.wake.schedule, deadline: settings.wake.timeout)
        packetOffset = { schedule.offset(ofPacket: $0) }
        wakeIDPrefix = "w" + String(UInt32.random(in: .min ... .max), radix: 36) + "-"
    }
}
