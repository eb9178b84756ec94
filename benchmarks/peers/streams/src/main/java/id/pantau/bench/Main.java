package id.pantau.bench;

import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** The bench's job as a Kafka Streams application. Runs until SIGTERM. */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws Exception {
        Options options = Options.read(System.getenv());
        CountDownLatch ended = new CountDownLatch(1);
        KafkaStreams streams = new KafkaStreams(topology(options), properties(options));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.ERROR || now == KafkaStreams.State.NOT_RUNNING) ended.countDown();
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
        ended.await();
    }

    /** One sub-topology over both inputs, so that a task has the same partition number of each, with its stores. */
    private static Topology topology(Options options) {
        Topology topology = new Topology();
        String prefix = options.prefix();
        topology.addSource("inputs", new ByteArrayDeserializer(), new ByteArrayDeserializer(), prefix + "masterplans", prefix + "program-status");
        topology.addProcessor("deciding", () -> new Deciding(options), "inputs");
        topology.addStateStore(identities(options), "deciding");
        topology.addStateStore(standing(), "deciding");
        for (String sink : new String[] {Deciding.FACTS, Deciding.REJECTED, Deciding.REALIZATION}) {
            topology.addSink(sink, prefix + sink, new ByteArraySerializer(), Out.SERIALIZER, Out.PARTITIONER, "deciding");
        }
        return topology;
    }

    /** It grows with the inputs: on disk or in memory. No key is written twice, so a cache would not help. */
    private static StoreBuilder<KeyValueStore<byte[], byte[]>> identities(Options options) {
        var kept = options.store().equals("rocksdb")
                ? Stores.persistentKeyValueStore(Deciding.IDENTITIES)
                : Stores.inMemoryKeyValueStore(Deciding.IDENTITIES);
        return Stores.keyValueStoreBuilder(kept, Serdes.ByteArray(), Serdes.ByteArray());
    }

    /** Bounded by plans and programs: in memory, and cached, so that its changelog gets one record of a key a commit. */
    private static StoreBuilder<KeyValueStore<String, byte[]>> standing() {
        return Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(Deciding.STANDING), Serdes.String(), Serdes.ByteArray())
                .withCachingEnabled()
                .withLoggingEnabled(Map.of("max.message.bytes", "18874368"));
    }

    private static Properties properties(Options options) {
        Properties all = new Properties();
        all.put(StreamsConfig.APPLICATION_ID_CONFIG, options.prefix() + "streams");
        all.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, options.kafka());
        all.put(StreamsConfig.STATE_DIR_CONFIG, options.state());
        all.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, options.guarantee());
        all.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, options.threads());
        all.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, options.cacheMb() * 1024 * 1024);
        all.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, options.commitMs());
        all.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedMemory.class);
        all.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, -1L); // nothing here depends on the order between topics
        all.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        all.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 4000);
        all.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 * 1024 * 1024);
        all.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), options.lingerMs());
        all.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), options.batchKb() * 1024);
        all.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 128L * 1024 * 1024);
        all.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), options.compression());
        all.put(StreamsConfig.producerPrefix(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG), 60_000);
        all.put(StreamsConfig.producerPrefix(ProducerConfig.MAX_REQUEST_SIZE_CONFIG), 18 * 1024 * 1024);
        return all;
    }
}
