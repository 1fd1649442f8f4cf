package import SimpleAICore

extension BufferBudget: MetricSource {
    package func write(to page: inout ExpositionPage) {
        page.metric("simpleai_buffered_bytes", .gauge, "Size of request and response bodies held in memory, in bytes.")
        {
            $0.sample([:], bytesInUse)
        }
    }
}
