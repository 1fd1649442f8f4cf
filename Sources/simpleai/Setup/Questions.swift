import Foundation
import OperatingSystem

/// Questions to the person at the terminal. Without a terminal, and with `--yes`, every question has its default answer.
/// All questions come before the first file is written.
struct Questions {
    let isInteractive: Bool

    init(yes: Bool) {
        isInteractive = !yes && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
    }

    /// - Returns: the number of the chosen answer.
    func choose(_ question: String, _ answers: [String], default standard: Int = 0) throws -> Int {
        guard isInteractive else { return standard }
        print(question)
        for (number, answer) in answers.enumerated() { print("  \(number + 1)) \(answer)") }
        while true {
            let line = try ask("Number", default: "\(standard + 1)")
            if let number = Int(line), answers.indices.contains(number - 1) { return number - 1 }
            print("Enter a number from 1 to \(answers.count).")
        }
    }

    func confirm(_ question: String, default standard: Bool) throws -> Bool {
        guard isInteractive else { return standard }
        while true {
            switch try ask("\(question) (y/n)", default: standard ? "y" : "n").lowercased() {
            case "y", "yes": return true
            case "n", "no": return false
            default: print("Enter y or n.")
            }
        }
    }

    /// - Parameter problem: what is wrong with an answer; nil if it is usable.
    /// - Throws: `CommandFailure` if the input ends (Ctrl-D): that is no consent to anything.
    func ask(
        _ question: String, default standard: String, problem: (String) -> String? = { _ in nil }
    ) throws -> String {
        guard isInteractive else { return standard }
        while true {
            let hint = standard.isEmpty ? "" : " [\(standard)]"
            StandardStream.output.write("\(question)\(hint): ")
            guard let line = readLine() else {
                print()
                throw CommandFailure("the input ended at a question; nothing was written")
            }
            let answer = line.trimmingCharacters(in: .whitespaces)
            let text = answer.isEmpty ? standard : answer
            guard let problem = problem(text) else { return text }
            print(problem)
        }
    }
}
