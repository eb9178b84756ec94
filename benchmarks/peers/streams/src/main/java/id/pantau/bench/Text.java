package id.pantau.bench;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Bytes being written, mostly ASCII. One per thread is reused for every record. */
final class Text {
    private static final byte[] HEX = utf8("0123456789abcdef");

    private byte[] bytes;
    private int size;

    Text(int capacity) {
        bytes = new byte[capacity];
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    Text clear() {
        size = 0;
        return this;
    }

    int size() {
        return size;
    }

    byte[] array() {
        return bytes;
    }

    byte[] copy() {
        return Arrays.copyOf(bytes, size);
    }

    Text put(char ascii) {
        room(1);
        bytes[size++] = (byte) ascii;
        return this;
    }

    Text put(byte[] raw) {
        return put(raw, raw.length);
    }

    Text put(byte[] raw, int length) {
        room(length);
        System.arraycopy(raw, 0, bytes, size, length);
        size += length;
        return this;
    }

    /** Text that is known to be ASCII and to need no escape: names and patterns that were checked. */
    @SuppressWarnings("deprecation")
    Text put(String ascii) {
        int length = ascii.length();
        room(length);
        ascii.getBytes(0, length, bytes, size);
        size += length;
        return this;
    }

    Text digits(int value, int count) {
        room(count);
        for (int at = size + count - 1; at >= size; at--, value /= 10) bytes[at] = (byte) ('0' + value % 10);
        size += count;
        return this;
    }

    Text number(long value) {
        if (value < 0) return put(Long.toString(value));
        int count = 1;
        for (long rest = value; rest >= 10; rest /= 10) count++;
        room(count);
        for (int at = size + count - 1; at >= size; at--, value /= 10) bytes[at] = (byte) ('0' + value % 10);
        size += count;
        return this;
    }

    Text hex(byte[] raw) {
        room(raw.length * 2);
        for (byte each : raw) {
            bytes[size++] = HEX[each >> 4 & 15];
            bytes[size++] = HEX[each & 15];
        }
        return this;
    }

    /** Any text as a JSON string. */
    Text quoted(String text) {
        put('"');
        for (byte each : utf8(text)) {
            switch (each) {
                case '"', '\\' -> put('\\').put((char) each);
                case '\n' -> put("\\n");
                case '\r' -> put("\\r");
                case '\t' -> put("\\t");
                case '\b' -> put("\\b");
                case '\f' -> put("\\f");
                default -> {
                    if (each >= 0 && each < 0x20) put("\\u00").hex(new byte[] {each});
                    else {
                        room(1);
                        bytes[size++] = each;
                    }
                }
            }
        }
        return put('"');
    }

    @Override
    public String toString() {
        return new String(bytes, 0, size, StandardCharsets.UTF_8);
    }

    private void room(int more) {
        if (size + more > bytes.length) bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, size + more));
    }
}
