package id.pantau.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Map;

/** The environment set by the harness: the broker, and the options of benchmarks/peers/kafka_streams.py. */
record Options(
        String kafka, String prefix, int partitions, String state, String guarantee, int threads, String store, long cacheMb,
        int commitMs, int realizationMs, int lingerMs, int batchKb, String compression) {

    static Options read(Map<String, String> environment) throws IOException {
        JsonNode point = Masterplan.JSON.readTree(environment.get("BENCH_OPTIONS"));
        return new Options(
                environment.get("PANTAU_KAFKA"),
                environment.get("PANTAU_TOPIC_PREFIX"),
                Integer.parseInt(environment.get("PANTAU_PARTITIONS")),
                environment.get("BENCH_STATE"),
                point.required("guarantee").textValue(),
                point.required("threads").intValue(),
                point.required("store").textValue(),
                point.required("cache_mb").longValue(),
                point.required("commit_ms").intValue(),
                point.required("realization_ms").intValue(),
                point.required("linger_ms").intValue(),
                point.required("batch_kb").intValue(),
                point.required("compression").textValue());
    }
}
