import Foundation
import Testing

/// A real headless browser without network access; `scripts/setup --tests` installs it.
enum Browser {
    static let missing: Comment = "chromium is not on the PATH: run `scripts/setup --tests`"
    static let executable = Python.path("chromium") ?? Python.path("chromium-browser") ?? Python.path("google-chrome")
    static var isThere: Bool { executable != nil && Python.isThere }

    /// Figures that describe a picture.
    struct Picture {
        let width: Int
        let height: Int
        let colours: Int
        /// Share of the most common colour.
        let plain: Double
    }

    /// Opens a page offline and takes a screenshot of it.
    static func photograph(_ page: URL, into picture: URL, width: Int, height: Int) async throws -> Picture {
        let run = try await opened(
            page, ["--screenshot=\(picture.path)", "--window-size=\(width),\(height)", "--hide-scrollbars"])
        try #require(FileManager.default.fileExists(atPath: picture.path), "\(run.text)")
        let facts = try await Program.script("Tests/EndToEndTests/clients/picture.py", [picture.path]).run()
        let numbers = facts.output.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        try #require(numbers.count == 4, "\(facts.text)")
        return Picture(
            width: Int(numbers[0]), height: Int(numbers[1]), colours: Int(numbers[2]), plain: numbers[3])
    }

    /// The page's elements as the browser parsed them.
    static func document(of page: URL) async throws -> RunningProcess.Ended {
        try await opened(page, ["--dump-dom", "--enable-logging=stderr"])
    }

    private static func opened(_ page: URL, _ arguments: [String]) async throws -> RunningProcess.Ended {
        let executable = try #require(executable)
        return try await withTemporaryFolder { profile in
            try await Program(
                executable,
                [
                    // Chromium's own sandbox needs permissions that neither root nor a container has.
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                    "--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir=\(profile.path)",
                ] + arguments + [page.absoluteString], environment: ["HOME": profile.path]
            ).run(within: .seconds(120))
        }
    }
}
