package id.pantau.bench;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/** The whole job of one partition number: each record of the inputs becomes a fact, a duplicate or a reject. */
final class Deciding implements Processor<byte[], byte[], byte[], Out> {
    static final String IDENTITIES = "identities"; // 16 bytes of (topic, source, id) -> 16 bytes of the content, the claim
    static final String STANDING = "standing"; // counts, versions and claims of each plan
    static final String FACTS = "facts", REJECTED = "rejected", REALIZATION = "realization";

    static final int DIGEST = 16;

    private static final long DAY_MS = 86_400_000L;

    private final Options options;
    private final Text event = new Text(4096), fact = new Text(4096);
    private final MessageDigest sha256 = sha256();
    private final Map<String, Plan> plans = new HashMap<>();
    private final Set<Plan> changed = new HashSet<>();
    private ProcessorContext<byte[], Out> context;
    private KeyValueStore<byte[], byte[]> identities;
    private KeyValueStore<String, byte[]> standing;
    private Optional<Set<Integer>> partition;

    Deciding(Options options) {
        this.options = options;
    }

    @Override
    public void init(ProcessorContext<byte[], Out> context) {
        this.context = context;
        identities = context.getStateStore(IDENTITIES);
        standing = context.getStateStore(STANDING);
        partition = Optional.of(Set.of(context.taskId().partition()));
        plans.clear();
        changed.clear();
        try (KeyValueIterator<String, byte[]> all = standing.range(Plan.COUNTS, Plan.COUNTS_END)) {
            while (all.hasNext()) {
                KeyValue<String, byte[]> each = all.next();
                Plan plan = Plan.of(each.key.substring(Plan.COUNTS.length()), each.value, standing, identities);
                plans.put(plan.name, plan);
                changed.add(plan); // it is not known whether its realization was written before
            }
        }
        context.schedule(Duration.ofMillis(options.realizationMs()), PunctuationType.WALL_CLOCK_TIME, this::tellRealization);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        RecordMetadata from = context.recordMetadata().orElseThrow();
        boolean masterplans = from.topic().endsWith("masterplans");
        Event read = null;
        try {
            read = Event.read(record.value(), masterplans);
            accept(read, record.timestamp(), from, masterplans);
        } catch (Wrong wrong) {
            reject(wrong, read, record, from);
        }
    }

    private void accept(Event read, long receivedMs, RecordMetadata from, boolean masterplans) throws Wrong {
        Names.Source source = read.source();
        if (!source.kind().equals(masterplans ? "council" : "departments")) throw Wrong.SOURCE;
        Plan plan = plans.get(source.plan());
        if (plan == null) {
            byte[] key = Text.utf8(source.plan());
            if (Utils.toPositive(Utils.murmur2(key)) % options.partitions() != from.partition()) throw Wrong.PARTITION;
            plan = new Plan(source.plan(), standing, identities);
        }
        if (!masterplans && read.report().effectiveOn() > Days.latest(receivedMs)) throw Wrong.FUTURE;
        if (read.timeUs() > (receivedMs + DAY_MS) * 1000) throw Wrong.FUTURE;

        String topic = masterplans ? "masterplans" : "program-status";
        byte[] identity = digest(fact.clear().put(topic).put('\n').put(source.text()).put('\n').put(read.id()));
        read.write(event.clear());
        byte[] digest = digest(event), known = identities.get(identity);
        if (known != null) {
            if (Arrays.equals(known, 0, DIGEST, digest, 0, DIGEST)) return; // a duplicate
            throw Wrong.CONFLICT;
        }
        if (masterplans && plan.expectsTaken(read.plan().expects())) throw Wrong.VERSION_CONFLICT;

        plan.next(receivedMs);
        byte[] kept = digest;
        if (masterplans) plan.add(read.plan());
        else kept = joined(digest, plan.add(read, identity));
        plans.putIfAbsent(plan.name, plan);
        changed.add(plan);
        identities.put(identity, kept);
        tellFact(read, plan, receivedMs, topic, from, digest);
    }

    private void tellFact(Event read, Plan plan, long receivedMs, String topic, RecordMetadata from, byte[] digest) {
        fact.clear().put("{\"seq\":").number(plan.seq()).put(",\"received_ms\":").number(receivedMs).put(",\"topic\":\"").put(topic);
        fact.put("\",\"partition\":").number(from.partition()).put(",\"offset\":").number(from.offset());
        fact.put(",\"digest\":\"").hex(digest).put("\",\"event\":").put(event.array(), event.size()).put('}');
        byte[] value = fact.copy();
        byte[] key = fact.clear().put(plan.name).put('/').put(read.kind()).put(read.source().text()).put('/').put(read.id()).copy();
        context.forward(new Record<>(key, new Out(partition, value), receivedMs), FACTS);
    }

    private void reject(Wrong wrong, Event read, Record<byte[], byte[]> record, RecordMetadata from) {
        Headers headers = new RecordHeaders();
        headers.add("reason", wrong.reason);
        headers.add("topic", Text.utf8(from.topic().endsWith("masterplans") ? "masterplans" : "program-status"));
        headers.add("partition", Text.utf8(Integer.toString(from.partition())));
        headers.add("offset", Text.utf8(Long.toString(from.offset())));
        headers.add("received_ms", Text.utf8(Long.toString(record.timestamp())));
        byte[] key = read == null ? null : Text.utf8(read.source().plan());
        byte[] value = record.value() == null ? new byte[0] : record.value();
        context.forward(new Record<>(key, new Out(partition, value), record.timestamp(), headers), REJECTED);
    }

    private void tellRealization(long nowMs) {
        for (Plan plan : changed) {
            byte[] value = plan.realization(fact);
            context.forward(new Record<>(Text.utf8(plan.name), new Out(partition, value), nowMs), REALIZATION);
        }
        changed.clear();
    }

    private byte[] digest(Text text) {
        sha256.update(text.array(), 0, text.size());
        return Arrays.copyOf(sha256.digest(), DIGEST);
    }

    private static byte[] joined(byte[] one, byte[] other) {
        byte[] both = Arrays.copyOf(one, one.length + other.length);
        System.arraycopy(other, 0, both, one.length, other.length);
        return both;
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }
}
