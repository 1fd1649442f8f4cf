import SimpleAICore

/// A model in the form that Codex reads from the array `models`. An entry that lacks a key makes Codex discard the whole
/// list and use metadata for models that it does not know: no context length, and parameters that engines may refuse.
enum CodexModel {
    /// The system prompt. Codex sends this text instead of its own, so it must suffice for every model.
    private static let instructions = """
        You are a coding agent in a terminal, in the user's project. Work until the task is done: read the files that \
        matter, change them, and run the commands or tests that show that the change works. Use the tools for every \
        action; do not print commands or files for the user to copy. Make the smallest change that solves the task, keep \
        to the style of the project, and do not change unrelated code. Follow AGENTS.md files. Never undo changes that \
        you did not make, and do not commit unless the user asks for it. If a command fails, read its output and try \
        another way. At the end, state in a few sentences what you changed and how you checked it.
        """

    /// - Parameter priority: the position in the list; Codex offers the lowest first.
    static func json(_ entry: ModelList.Entry, priority: Int) -> String {
        let seesImages = entry.capabilities.isEmpty || entry.capabilities.contains(.vision)
        var fields = [
            "\"slug\":\(JSONString.encode(entry.id))", "\"display_name\":\(JSONString.encode(entry.displayName))",
            "\"description\":null", "\"priority\":\(priority)", "\"visibility\":\"list\"",
            "\"supported_in_api\":true", "\"supported_reasoning_levels\":[]", "\"shell_type\":\"shell_command\"",
            "\"apply_patch_tool_type\":null", "\"experimental_supported_tools\":[]",
            "\"supports_parallel_tool_calls\":true", "\"supports_reasoning_summaries\":false",
            "\"supports_reasoning_summary_parameter\":false", "\"support_verbosity\":false",
            "\"default_verbosity\":null", "\"upgrade\":null", "\"availability_nux\":null",
            "\"truncation_policy\":{\"mode\":\"bytes\",\"limit\":10000}",
            "\"input_modalities\":[\"text\"\(seesImages ? ",\"image\"" : "")]",
            "\"base_instructions\":\(JSONString.encode(instructions))",
        ]
        if let length = entry.contextLength { fields.append("\"context_window\":\(length)") }
        return "{\(fields.joined(separator: ","))}"
    }
}
