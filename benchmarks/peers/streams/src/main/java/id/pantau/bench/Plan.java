package id.pantau.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * One plan as its task holds it: the versions that were accepted, and the running counts of the one in force. Written
 * through to the store `standing`, which holds `counts/{plan}`, `versions/{plan}`, and `claims/{plan}/{program}`: what is
 * claimed of each program. A report counts if its department led the program on the report's own date.
 */
final class Plan {
    static final String COUNTS = "counts/", COUNTS_END = "counts0"; // "0" is what follows "/"

    private static final int CELLS = Masterplan.DIMENSIONS.size() + 1; // the last is the whole plan
    private static final int NO_VERSION = -1;

    /** Where a program counts, and the department that leads it. */
    record Place(int dimension, String lead) {}

    private record Version(Masterplan plan, int effectiveDay, Map<String, Place> programs) {
        static Version of(Masterplan plan) throws Wrong {
            Map<String, Place> programs = new HashMap<>();
            for (Masterplan.Program each : plan.programs()) {
                programs.put(each.code(), new Place(Masterplan.DIMENSIONS.indexOf(each.dimension()), each.department()));
            }
            return new Version(plan, plan.effectiveDay(), programs);
        }
    }

    final String name;
    private final KeyValueStore<String, byte[]> store;
    private final KeyValueStore<byte[], byte[]> identities;
    private long seq;
    private long receivedMs;
    private int inForce = NO_VERSION;
    private final int[] programs = new int[CELLS];
    private final int[] reported = new int[CELLS];
    private final int[] realized = new int[CELLS];
    private final List<Version> versions = new ArrayList<>();

    Plan(String name, KeyValueStore<String, byte[]> store, KeyValueStore<byte[], byte[]> identities) {
        this.name = name;
        this.store = store;
        this.identities = identities;
    }

    long seq() {
        return seq;
    }

    boolean expectsTaken(Integer expects) {
        return versions.stream().anyMatch(each -> Objects.equals(each.plan.expects(), expects));
    }

    /** Call before a fact is added. Where its day puts another version in force, count anew. */
    void next(long ms) {
        seq++;
        receivedMs = Math.max(receivedMs, ms);
        int found = versionOn(Days.latest(receivedMs));
        if (found != inForce) recount(found);
    }

    /** Add a version. */
    void add(Masterplan plan) throws Wrong {
        versions.add(Version.of(plan));
        standAnew();
        recount(versionOn(Days.latest(receivedMs)));
        Text all = new Text(4096).put('[');
        for (int at = 0; at < versions.size(); at++) {
            if (at > 0) all.put(',');
            all.put(versions.get(at).plan.bytes());
        }
        store.put("versions/" + name, all.put(']').copy());
        putCounts();
    }

    /** Add a report. Returns what is kept of it under its identity, after its digest. */
    byte[] add(Event event, byte[] identity) {
        String program = event.report().program();
        Claimed known = claimed(program);
        Claim before = known.stands(), after = Claim.of(event);
        boolean stands = counts(program, after) && (before == null || after.isAfter(before));
        store.put(claimKey(program), new Claimed(stands ? after : before, identity).bytes());
        Place place = stands ? place(inForce, program) : null;
        if (place != null) {
            if (before != null) count(place.dimension, before, -1);
            count(place.dimension, after, 1);
        }
        putCounts();
        return Claimed.joined(known.last(), after);
    }

    /** Find the claim that stands of every program again: another version may name another lead. */
    private void standAnew() {
        Set<String> codes = new HashSet<>();
        for (Version each : versions) codes.addAll(each.programs.keySet());
        for (String program : codes) {
            Claimed known = claimed(program);
            if (known.isNothing()) continue;
            Claim stands = null;
            for (byte[] at = known.last(); !Claimed.isNone(at); ) {
                byte[] kept = identities.get(at);
                Claimed link = Claimed.of(Arrays.copyOfRange(kept, Deciding.DIGEST, kept.length));
                if (counts(program, link.stands()) && (stands == null || link.stands().isAfter(stands))) stands = link.stands();
                at = link.last();
            }
            store.put(claimKey(program), new Claimed(stands, known.last()).bytes());
        }
    }

    /** Whether the department of a claim led the program on the claim's own date. */
    private boolean counts(String program, Claim claim) {
        Place place = place(versionOn(claim.effectiveOn()), program);
        return place != null && place.lead.equals(claim.department());
    }

    private Place place(int version, String program) {
        return version == NO_VERSION ? null : versions.get(version).programs.get(program);
    }

    private Claimed claimed(String program) {
        return Claimed.of(store.get(claimKey(program)));
    }

    private String claimKey(String program) {
        return "claims/" + name + '/' + program;
    }

    private int versionOn(int day) {
        int best = NO_VERSION;
        for (int at = 0; at < versions.size(); at++) {
            Version each = versions.get(at);
            if (each.effectiveDay <= day && (best == NO_VERSION || isLater(each, versions.get(best)))) best = at;
        }
        return best;
    }

    private static boolean isLater(Version one, Version other) {
        if (one.effectiveDay != other.effectiveDay) return one.effectiveDay > other.effectiveDay;
        return one.plan.version() > other.plan.version();
    }

    private void recount(int version) {
        inForce = version;
        for (int[] each : new int[][] {programs, reported, realized}) Arrays.fill(each, 0);
        if (version == NO_VERSION) return;
        versions.get(version).programs.forEach((code, place) -> {
            programs[place.dimension]++;
            programs[CELLS - 1]++;
            Claim stands = claimed(code).stands();
            if (stands != null) count(place.dimension, stands, 1);
        });
    }

    private void count(int dimension, Claim claim, int sign) {
        reported[dimension] += sign;
        reported[CELLS - 1] += sign;
        if (claim.realized()) {
            realized[dimension] += sign;
            realized[CELLS - 1] += sign;
        }
    }

    /** The value of its record on `realization`. */
    byte[] realization(Text out) {
        out.clear().put("{\"plan\":\"").put(name).put("\",\"seq\":").number(seq).put(",\"received_ms\":").number(receivedMs).put(",\"as_of\":\"");
        Days.write(out, Days.latest(receivedMs));
        out.put("\",\"plan_version\":");
        if (inForce == NO_VERSION) out.put("null");
        else out.number(versions.get(inForce).plan.version());
        out.put(",\"cells\":{\"overall\":{\"overall\":");
        cell(out, CELLS - 1);
        out.put("},\"dimension\":{");
        boolean first = true;
        for (int at = 0; at < CELLS - 1; at++) {
            if (programs[at] == 0) continue;
            if (!first) out.put(',');
            first = false;
            out.put('"').put(Masterplan.DIMENSIONS.get(at)).put("\":");
            cell(out, at);
        }
        return out.put("}}}").copy();
    }

    private void cell(Text out, int at) {
        out.put('[').number(programs[at]).put(',').number(reported[at]).put(',').number(realized[at]).put(']');
    }

    private void putCounts() {
        ByteBuffer out = ByteBuffer.allocate(20 + CELLS * 12).putLong(seq).putLong(receivedMs).putInt(inForce);
        for (int at = 0; at < CELLS; at++) out.putInt(programs[at]).putInt(reported[at]).putInt(realized[at]);
        store.put(COUNTS + name, out.array());
    }

    /** A plan as the store has it. */
    static Plan of(String name, byte[] counts, KeyValueStore<String, byte[]> store, KeyValueStore<byte[], byte[]> identities) {
        Plan plan = new Plan(name, store, identities);
        ByteBuffer in = ByteBuffer.wrap(counts);
        plan.seq = in.getLong();
        plan.receivedMs = in.getLong();
        plan.inForce = in.getInt();
        for (int at = 0; at < CELLS; at++) {
            plan.programs[at] = in.getInt();
            plan.reported[at] = in.getInt();
            plan.realized[at] = in.getInt();
        }
        byte[] versions = store.get("versions/" + name);
        try {
            if (versions != null) for (Masterplan each : Masterplan.JSON.readValue(versions, Masterplan[].class)) plan.versions.add(Version.of(each));
        } catch (IOException | Wrong error) {
            throw new IllegalStateException("the store holds a plan version that can't be read", error);
        }
        return plan;
    }
}
