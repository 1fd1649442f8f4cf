import Testing

/// Every test here is a whole deployment under load, on the same few cores: one after the other they take no longer,
/// and none has to wait for the others' work.
@Suite(.serialized) enum Integration {}
