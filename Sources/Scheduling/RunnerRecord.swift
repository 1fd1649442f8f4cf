import SimpleAICore

extension SchedulerState {
    /// A runner, its models, and the state machines that describe its machine and its engine. `PlacementIndex` owns its
    /// state and its calls.
    struct Record: Sendable {
        private(set) var runner: Runner
        /// The engine's own id of each public model id, as last known.
        private(set) var models: [ModelID: EngineModelID]
        /// Whether the list of models is known: from settings, from before a restart, or from the engine.
        private(set) var modelsAreKnown: Bool
        var liveness = Liveness()
        var wakes: WakeMachine
        var trials = LoadingTrials()
        /// Without effect if nothing can put the machine to sleep.
        var sleep: SleepMachine
        /// Nil for static runners.
        var agent: AgentState?

        init(_ runner: Runner, rememberedModels: [EngineModelID], bootTime: BootTime) {
            self.runner = runner
            models = runner.publicModels(engineModels: rememberedModels)
            modelsAreKnown = !runner.statedModels.isEmpty || !rememberedModels.isEmpty
            wakes = WakeMachine(bootTime: bootTime)
            sleep = SleepMachine(hasSettings: runner.hasSleepMethod)
        }

        // MARK: Queries

        /// The wake in progress.
        var wake: WakeState? { wakes.current }
        /// The load in progress.
        var load: LoadState? { agent?.loads.current }

        /// The earliest time at which `timePassed` has to act on its agent, apart from putting an idle machine to sleep.
        var nextAgentDeadline: ContinuousClock.Instant? {
            guard let agent else { return nil }
            let deadlines = [agent.nextDeadline, sleep.nextDeadline(isConnected: agent.liveness.isConnected)]
            return deadlines.compactMap { $0 }.min()
        }

        /// Whether a model is in memory; assumed for static runners, whose engines do not report it.
        func hasLoaded(_ model: ModelID) -> Bool {
            guard let engineModel = models[model] else { return false }
            return agent?.loads.residency.loaded.contains(engineModel) ?? true
        }

        /// The first of these models that it can serve without loading.
        func firstLoaded(of wanted: [ModelID]) -> ModelID? { wanted.first(where: canServeNow) }

        func canServeNow(_ model: ModelID) -> Bool {
            guard let engineModel = models[model] else { return false }
            return agent?.loads.canServeNow(engineModel) ?? true
        }

        // MARK: Events

        mutating func descriptionChanged(_ new: Runner) {
            let old = runner
            runner = new
            sleep.settingsChanged(hasSettings: new.hasSleepMethod)
            if old.statedModels != new.statedModels || old.aliases != new.aliases {
                // The engine's own ids are translated again; the next probe refreshes the list.
                models = new.publicModels(engineModels: Array(models.values))
            }
        }

        /// - Returns: whether the list has changed.
        mutating func modelsListed(_ listed: [ModelID: EngineModelID]) -> Bool {
            modelsAreKnown = true
            guard listed != models else { return false }
            models = listed
            return true
        }

        mutating func agentConnected(_ agent: AgentState) {
            self.agent = agent
            self.agent?.connected()
            sleep.connected()
        }

        /// - Parameter gracePeriod: nil if its machine already counts as asleep or lost.
        mutating func agentDisconnected(gracePeriod: Duration?, now: ContinuousClock.Instant) {
            agent?.disconnected(gracePeriod: gracePeriod, now: now)
            sleep.disconnected()
        }

        mutating func becameReady() {
            agent?.becameReady()
            sleep.becameReady()
        }

        mutating func fellAsleep() {
            agent?.fellAsleep()
            sleep.fellAsleep()
        }

        /// The settings or its agent have removed it.
        mutating func removed() {
            agent?.removed()
            sleep.removed()
            trials.engineChanged()
        }

        /// Its last call has ended after its removal.
        mutating func left() { models = [:] }

        // The following events occur for every call. They change the record in place and return the required values,
        // because reading the record would copy all of it.

        /// A call of a model that it serves began.
        /// - Parameter number: of all calls so far.
        mutating func callBegan(
            of model: ModelID, number: UInt64
        ) -> (runner: RunnerID, engineModel: EngineModelID) {
            let engineModel = models[model] ?? EngineModelID(model.rawValue)
            if agent != nil { agent?.loads.callBegan(on: engineModel, number: number) }
            if sleep.isSleepable { sleep.idleTimeEnded() }
            return (runner.id, engineModel)
        }

        /// A call ended.
        /// - Returns: whether its idle time is tracked, and the next command to its agent.
        mutating func callEnded(
            of engineModel: EngineModelID, _ requests: inout RequestSequence
        ) -> (isSleepable: Bool, command: LoadMachine.Command?) {
            guard agent != nil else { return (sleep.isSleepable, nil) }
            return (sleep.isSleepable, agent?.loads.callEnded(on: engineModel, &requests))
        }
    }
}
