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
        /// Nil for static runners.
        var agent: AgentState?

        init(_ runner: Runner, rememberedModels: [EngineModelID], bootTime: BootTime) {
            self.runner = runner
            models = runner.publicModels(engineModels: rememberedModels)
            modelsAreKnown = !runner.statedModels.isEmpty || !rememberedModels.isEmpty
            wakes = WakeMachine(bootTime: bootTime)
        }

        // MARK: Queries

        /// The wake in progress.
        var wake: WakeState? { wakes.current }
        /// The load in progress.
        var load: LoadState? { agent?.loads.current }

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
            if agent != nil {
                agent?.loads.callBegan(on: engineModel, number: number)
                agent?.sleep.idleTimeEnded()
            }
            return (runner.id, engineModel)
        }

        /// A call ended.
        /// - Returns: whether it has an agent, and the next command to it.
        mutating func callEnded(
            of engineModel: EngineModelID, _ requests: inout RequestSequence
        ) -> (hasAgent: Bool, command: LoadMachine.Command?) {
            guard agent != nil else { return (false, nil) }
            return (true, agent?.loads.callEnded(on: engineModel, &requests))
        }
    }
}
