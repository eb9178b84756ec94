package id.pantau.bench;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The latest that one department claims of one program. */
record Claim(int effectiveOn, long timeUs, boolean realized, String id) {
    static Claim of(Event event) {
        return new Claim(event.report().effectiveOn(), event.timeUs(), event.report().realized(), event.id());
    }

    /** Whether it stands before another of the same department. */
    boolean isAfter(Claim other) {
        if (effectiveOn != other.effectiveOn) return effectiveOn > other.effectiveOn;
        if (timeUs != other.timeUs) return timeUs > other.timeUs;
        return id.compareTo(other.id) > 0;
    }

    byte[] bytes() {
        byte[] name = id.getBytes(StandardCharsets.ISO_8859_1);
        return ByteBuffer.allocate(13 + name.length).putInt(effectiveOn).putLong(timeUs).put((byte) (realized ? 1 : 0)).put(name).array();
    }

    static Claim of(byte[] raw) {
        ByteBuffer in = ByteBuffer.wrap(raw);
        return new Claim(in.getInt(), in.getLong(), in.get() == 1, new String(raw, 13, raw.length - 13, StandardCharsets.ISO_8859_1));
    }
}
