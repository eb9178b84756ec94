package id.pantau.bench;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** What one report claims of its program. */
record Claim(int effectiveOn, long timeUs, boolean realized, String department, String id) {
    static Claim of(Event event) {
        Report report = event.report();
        return new Claim(report.effectiveOn(), event.timeUs(), report.realized(), event.source().organization(), event.id());
    }

    /** Whether it stands before another on the same program, where both count. */
    boolean isAfter(Claim other) {
        if (effectiveOn != other.effectiveOn) return effectiveOn > other.effectiveOn;
        if (timeUs != other.timeUs) return timeUs > other.timeUs;
        int order = department.compareTo(other.department);
        return order != 0 ? order > 0 : id.compareTo(other.id) > 0;
    }

    int size() {
        return 14 + department.length() + id.getBytes(StandardCharsets.UTF_8).length;
    }

    void write(ByteBuffer out) {
        out.putInt(effectiveOn).putLong(timeUs).put((byte) (realized ? 1 : 0)).put((byte) department.length());
        out.put(department.getBytes(StandardCharsets.US_ASCII)).put(id.getBytes(StandardCharsets.UTF_8));
    }

    /** Reads the rest of a buffer. */
    static Claim read(ByteBuffer in) {
        int effectiveOn = in.getInt();
        long timeUs = in.getLong();
        boolean realized = in.get() == 1;
        byte[] department = new byte[in.get()];
        in.get(department);
        byte[] id = new byte[in.remaining()];
        in.get(id);
        return new Claim(effectiveOn, timeUs, realized, new String(department, StandardCharsets.US_ASCII), new String(id, StandardCharsets.UTF_8));
    }
}
