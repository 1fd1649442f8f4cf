import Foundation
import FuzzTargets

/// `fuzz [--seconds N] [--seed N] [--runs N] [TARGET…]`: mutated input for every target, or the named ones, each for
/// its share of the time. `fuzz --replay FILE TARGET` repeats one input.
///
/// The current input is in `.build/fuzz/TARGET` while it is tested: after a crash, examine this file.
@main
enum Fuzz {
    /// The maximum duration for any input.
    private static let slowest = Duration.seconds(2)

    static func main() throws {
        let options: Options
        do {
            options = try Options(CommandLine.arguments.dropFirst())
        } catch {
            FileHandle.standardError.write(Data("fuzz: \(error)\n".utf8))
            exit(2)
        }
        if let path = options.replay {
            let input = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            for target in options.targets {
                do {
                    try target.check(input)
                } catch {
                    say("\(target.name): FINDING: \(error)")
                    exit(1)
                }
            }
            return say("no finding")
        }
        var findings = 0
        for target in options.targets { findings += try run(target, options) }
        if findings > 0 { exit(1) }
    }

    /// - Returns: the number of findings.
    private static func run(_ target: FuzzTarget, _ options: Options) throws -> Int {
        let current = try CurrentInput(target.name)
        let end = ContinuousClock.now + options.time / options.targets.count
        var mutator = Mutator(seed: options.seed)
        var (runs, findings) = (0, 0)
        func attempt(_ input: [UInt8]) {
            current.note(input)
            let start = ContinuousClock.now
            do {
                try target.check(input)
                if ContinuousClock.now - start > slowest { throw Finding("took \(ContinuousClock.now - start)") }
            } catch {
                findings += 1
                let file = current.keep(input, finding: findings)
                say("\(target.name): FINDING: \(error)\n  input: \(file)")
            }
            runs += 1
        }
        for seed in target.seeds { attempt(seed) }
        while ContinuousClock.now < end, runs < options.runs, findings < 5 {
            attempt(mutator.input(from: target.seeds, words: target.words))
        }
        current.forget()
        say("\(target.name): \(runs) inputs, \(findings) findings (seed \(options.seed))")
        return findings
    }
}

/// Written at once, so that no line is lost in a crash.
private func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}

struct Options {
    var targets: [FuzzTarget] = []
    var time = Duration.seconds(60)
    var seed = UInt64.random(in: 0..<1_000_000)
    var runs = Int.max
    var replay: String?

    struct Wrong: Error, CustomStringConvertible { let description: String }

    init(_ arguments: ArraySlice<String>) throws {
        var arguments = arguments
        while let argument = arguments.popFirst() {
            switch argument {
            case "--seconds": time = .seconds(try Self.number(arguments.popFirst()))
            case "--seed": seed = UInt64(try Self.number(arguments.popFirst()))
            case "--runs": runs = try Self.number(arguments.popFirst())
            case "--replay": replay = arguments.popFirst()
            default:
                guard let target = FuzzTarget.all.first(where: { $0.name == argument }) else {
                    let names = FuzzTarget.all.map(\.name).joined(separator: ", ")
                    throw Wrong(description: "\(argument) is no target; there are \(names)")
                }
                targets.append(target)
            }
        }
        if targets.isEmpty { targets = FuzzTarget.all }
    }

    private static func number(_ text: String?) throws -> Int {
        guard let text, let number = Int(text), number >= 0 else { throw Wrong(description: "a number is missing") }
        return number
    }
}

/// The current input, in a file that survives a crash.
struct CurrentInput {
    private let folder: URL
    private let name: String
    private let file: FileHandle

    init(_ name: String) throws {
        self.name = name
        folder = URL(fileURLWithPath: ".build/fuzz", isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appendingPathComponent(name)
        guard FileManager.default.createFile(atPath: path.path, contents: nil) else {
            throw Options.Wrong(description: "\(path.path) cannot be written")
        }
        file = try FileHandle(forWritingTo: path)
    }

    func note(_ input: [UInt8]) {
        try? file.truncate(atOffset: 0)
        try? file.write(contentsOf: Data(input))
    }

    /// - Returns: the path.
    func keep(_ input: [UInt8], finding number: Int) -> String {
        let path = folder.appendingPathComponent("\(name)-finding-\(number)")
        _ = FileManager.default.createFile(atPath: path.path, contents: Data(input))
        return path.path
    }

    func forget() {
        try? file.close()
        try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
    }
}
