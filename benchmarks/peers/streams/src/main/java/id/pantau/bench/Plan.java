package id.pantau.bench;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * One plan as its task holds it: the versions that were accepted, and the running counts of the one in force.
 * The counts are written through to a store with every event; the versions when one comes.
 */
final class Plan {
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
    long seq;
    private long receivedMs;
    private int inForce = NO_VERSION;
    private final int[] programs = new int[CELLS];
    private final int[] reported = new int[CELLS];
    private final int[] realized = new int[CELLS];
    private final List<Version> versions = new ArrayList<>();

    Plan(String name) {
        this.name = name;
    }

    boolean expectsTaken(Integer expects) {
        return versions.stream().anyMatch(each -> java.util.Objects.equals(each.plan.expects(), expects));
    }

    void received(long ms) {
        receivedMs = Math.max(receivedMs, ms);
    }

    /** Take a version in; where that or the passing of days puts another one in force, count anew. */
    void add(Masterplan plan, KeyValueStore<String, Claim> claims) throws Wrong {
        versions.add(Version.of(plan));
        inForce = NO_VERSION;
        refresh(claims);
    }

    /** Put the version in force that is so on the day of the last receipt. */
    void refresh(KeyValueStore<String, Claim> claims) {
        int found = versionInForce();
        if (found != inForce) recount(found, claims);
    }

    /** Take a report in: the department's latest claim on the program is kept, and counts if the department leads. */
    void add(Event event, KeyValueStore<String, Claim> claims) {
        Report report = event.report();
        String office = event.source().office(), key = claimKey(report.program(), office);
        Claim before = claims.get(key), after = Claim.of(event);
        if (before != null && !after.isAfter(before)) return;
        claims.put(key, after);
        Place place = inForce == NO_VERSION ? null : versions.get(inForce).programs.get(report.program());
        if (place == null || !place.lead.equals(office)) return;
        if (before != null) count(place.dimension, before, -1);
        count(place.dimension, after, 1);
    }

    private String claimKey(String program, String office) {
        return name + '/' + program + '/' + office;
    }

    private int versionInForce() {
        int day = Days.latest(receivedMs), best = NO_VERSION;
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

    private void recount(int version, KeyValueStore<String, Claim> claims) {
        inForce = version;
        for (int[] each : new int[][] {programs, reported, realized}) java.util.Arrays.fill(each, 0);
        if (version == NO_VERSION) return;
        versions.get(version).programs.forEach((code, place) -> {
            programs[place.dimension]++;
            programs[CELLS - 1]++;
            Claim claim = claims.get(claimKey(code, place.lead));
            if (claim != null) count(place.dimension, claim, 1);
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

    // ── what the store of plans holds: the counts; and of the versions, what their facts say of them ──

    byte[] counts() {
        ByteBuffer out = ByteBuffer.allocate(20 + CELLS * 12).putLong(seq).putLong(receivedMs).putInt(inForce);
        for (int at = 0; at < CELLS; at++) out.putInt(programs[at]).putInt(reported[at]).putInt(realized[at]);
        return out.array();
    }

    byte[] versions() {
        Text out = new Text(4096).put('[');
        for (int at = 0; at < versions.size(); at++) {
            if (at > 0) out.put(',');
            out.put(versions.get(at).plan.bytes());
        }
        return out.put(']').copy();
    }

    static Plan of(String name, byte[] counts, byte[] versions) {
        Plan plan = new Plan(name);
        ByteBuffer in = ByteBuffer.wrap(counts);
        plan.seq = in.getLong();
        plan.receivedMs = in.getLong();
        plan.inForce = in.getInt();
        for (int at = 0; at < CELLS; at++) {
            plan.programs[at] = in.getInt();
            plan.reported[at] = in.getInt();
            plan.realized[at] = in.getInt();
        }
        try {
            if (versions != null) for (Masterplan each : Masterplan.JSON.readValue(versions, Masterplan[].class)) plan.versions.add(Version.of(each));
        } catch (java.io.IOException | Wrong error) {
            throw new IllegalStateException("the store holds a plan version that can't be read", error);
        }
        return plan;
    }
}
