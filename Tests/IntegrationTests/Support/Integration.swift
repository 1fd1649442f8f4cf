import Testing

/// Every test here is a whole deployment under load, on the same few cores: one after the other they take no longer,
/// and no test waits for another test's work.
@Suite(.serialized) enum Integration {}
