package id.pantau.bench;

import java.nio.ByteBuffer;

/**
 * What is claimed of one program: the claim that stands (or null), and the identity of the last report on it. Under its
 * identity each report is kept as its digest, the identity of the report on the same program before it, and its claim:
 * a chain that is read again when a new plan version may change which claim stands.
 */
record Claimed(Claim stands, byte[] last) {
    static final int IDENTITY = 16;
    static final Claimed NOTHING = new Claimed(null, new byte[IDENTITY]);

    boolean isNothing() {
        return isNone(last);
    }

    byte[] bytes() {
        return joined(last, stands);
    }

    static Claimed of(byte[] raw) {
        if (raw == null) return NOTHING;
        ByteBuffer in = ByteBuffer.wrap(raw);
        byte[] last = new byte[IDENTITY];
        in.get(last);
        return new Claimed(in.hasRemaining() ? Claim.read(in) : null, last);
    }

    /** An identity, or zeros for none, and a claim, or nothing for none. */
    static byte[] joined(byte[] identity, Claim claim) {
        ByteBuffer out = ByteBuffer.allocate(IDENTITY + (claim == null ? 0 : claim.size())).put(identity);
        if (claim != null) claim.write(out);
        return out.array();
    }

    static boolean isNone(byte[] identity) {
        for (byte each : identity) if (each != 0) return false;
        return true;
    }
}
