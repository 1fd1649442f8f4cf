import Foundation
import Testing

@testable import OperatingSystem

#if os(Linux)
@Suite struct ProgramPagesTests {
    /// Resident bytes of mappings of the program's file that cannot be written.
    private func residentProgramBytes() throws -> Int {
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        var (isProgram, total) = (false, 0)
        for line in try String(contentsOfFile: "/proc/self/smaps", encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count > 1, words[1].count == 4, words[0].contains("-") {
                isProgram = line.hasSuffix(program) && !words[1].contains("w")
            } else if isProgram, words.first == "Rss:", words.count > 1, let kilobytes = Int(words[1]) {
                total += kilobytes << 10
            }
        }
        return total
    }

    @Test func theProgramsPagesAreReleasedAndReturnWithUse() throws {
        let before = try residentProgramBytes()
        let released = ProgramPages.release()
        let after = try residentProgramBytes()
        #expect(released > before, "whole segments are released")
        #expect(after < before)
        #expect(try residentProgramBytes() > 0, "the program runs on")
    }
}
#endif
