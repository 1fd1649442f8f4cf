/// The names under which the binary may be installed or linked; each stands for a subcommand.
enum ProgramName {
    private static let subcommands: [String: [String]] = [
        "test_wol": ["test", "wol"],
        "test_model_routing": ["test", "model-routing"],
        "test_workload_routing": ["test", "workload-routing"],
        "test_auth": ["test", "auth"],
        "test_dialects": ["test", "dialects"],
        "get-token": ["token", "mint"],
    ]

    /// The arguments of the subcommand that the program's name stands for; nil if the name stands for none.
    static func arguments(forProgramName program: String, arguments: [String]) -> [String]? {
        let name = program.split(separator: "/").last.map(String.init) ?? program
        return subcommands[name].map { $0 + arguments }
    }
}
