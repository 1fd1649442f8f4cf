extension LimitUsage {
    /// Combines two usages that apply to the same call: for each limit, the usage with less remaining.
    package func narrowed(by other: LimitUsage) -> LimitUsage {
        var usage = LimitUsage()
        usage.requests = Self.narrower(requests, other.requests)
        usage.tokens = Self.narrower(tokens, other.tokens)
        return usage
    }

    private static func narrower(_ one: Share?, _ other: Share?) -> Share? {
        guard let one, let other else { return one ?? other }
        return other.remaining < one.remaining ? other : one
    }

    /// Header fields in the names and format of OpenAI's API; omits fields without a limit.
    package var headers: [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        for (kind, share) in [("requests", requests), ("tokens", tokens)] {
            guard let share else { continue }
            headers.append(("x-ratelimit-limit-\(kind)", String(share.limit)))
            headers.append(("x-ratelimit-remaining-\(kind)", String(share.remaining)))
            headers.append(("x-ratelimit-reset-\(kind)", Self.written(share.reset)))
        }
        return headers
    }

    /// `250ms`, `8s` or `1h30m0s`: in milliseconds below a second, above that rounded up to whole seconds.
    package static func written(_ time: Duration) -> String {
        let milliseconds = time.wholeMilliseconds
        if milliseconds < 1000 { return milliseconds == 0 ? "0s" : "\(milliseconds)ms" }
        let seconds = (milliseconds + 999) / 1000
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
        return (hours > 0 ? "\(hours)h" : "") + (seconds >= 60 ? "\(minutes)m" : "") + "\(seconds % 60)s"
    }
}
