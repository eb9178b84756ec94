package id.pantau.bench;

import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.processor.StreamPartitioner;

/** A value for a sink, and the partition it goes to: that of its input record. */
record Out(Optional<Set<Integer>> partition, byte[] value) {
    static final Serializer<Out> SERIALIZER = (topic, out) -> out.value;
    static final StreamPartitioner<byte[], Out> PARTITIONER = (topic, key, out, partitions) -> out.partition;
}
