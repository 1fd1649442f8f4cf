/// An instant in values that every call copies.
///
/// The compiler does not know the layout of `ContinuousClock.Instant`, so that each copy of a value that contains one
/// calls the runtime. A duration since a fixed instant is plain bytes.
struct PlainInstant: Hashable, Sendable {
    private let sinceReference: Duration

    /// Any fixed instant; only differences matter.
    private static let reference = ContinuousClock.now

    init(_ instant: ContinuousClock.Instant) { sinceReference = Self.reference.duration(to: instant) }

    var instant: ContinuousClock.Instant { Self.reference.advanced(by: sinceReference) }
}
