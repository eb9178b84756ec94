package id.pantau.bench;

/** Dates as days since 1970 and moments as microseconds since 1970 (UTC), read from text and written without objects. */
final class Days {
    static final long DAY_US = 86_400_000_000L;
    static final int NONE = Integer.MIN_VALUE;

    private static final long EASTERNMOST_MS = 14 * 3_600_000L;
    private static final int[] MONTH = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    private Days() {}

    /** The latest date that has begun anywhere on earth (UTC+14) at a moment. */
    static int latest(long receivedMs) {
        return (int) Math.floorDiv(receivedMs + EASTERNMOST_MS, 86_400_000L);
    }

    /** `2020-12-31`. */
    static int date(String text) throws Wrong {
        if (text.length() != 10 || text.charAt(4) != '-' || text.charAt(7) != '-') throw Wrong.SHAPE;
        return checked(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2));
    }

    /** The last day of `2020-12` or `2020-Q4`. */
    static int periodEnd(String period) throws Wrong {
        if (period.length() != 7 || period.charAt(4) != '-') throw Wrong.SHAPE;
        int year = digits(period, 0, 4);
        if (year < 1000 || year > 2999) throw Wrong.SHAPE;
        int month;
        if (period.charAt(5) == 'Q') {
            int quarter = digits(period, 6, 1);
            if (quarter < 1 || quarter > 4) throw Wrong.SHAPE;
            month = quarter * 3;
        } else {
            month = digits(period, 5, 2);
            if (month < 1 || month > 12) throw Wrong.SHAPE;
        }
        return civil(year, month, lastOf(year, month));
    }

    /** An RFC 3339 moment with an offset, in microseconds; finer digits are dropped. */
    static long moment(String text) throws Wrong {
        int length = text.length();
        if (length < 20) throw Wrong.SHAPE;
        char between = text.charAt(10);
        if (between != 'T' && between != 't' && between != ' ' || text.charAt(13) != ':') throw Wrong.SHAPE;
        if (text.charAt(4) != '-' || text.charAt(7) != '-' || text.charAt(16) != ':') throw Wrong.SHAPE;
        long day = checked(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2));
        int hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
        if (hour > 23 || minute > 59 || second > 59) throw Wrong.SHAPE;
        int at = 19;
        long fraction = 0;
        if (text.charAt(at) == '.') {
            int unit = 100_000, from = ++at;
            for (; at < length && isDigit(text.charAt(at)); at++, unit /= 10) fraction += unit * (text.charAt(at) - '0');
            if (at == from || at - from > 9) throw Wrong.SHAPE;
        }
        long us = day * DAY_US + ((hour * 60L + minute) * 60 + second) * 1_000_000 + fraction - offset(text, at);
        if (us < -62_135_596_800_000_000L || us >= 253_402_300_800_000_000L) throw Wrong.SHAPE; // years 1 to 9999
        return us;
    }

    private static long offset(String text, int at) throws Wrong {
        if (at >= text.length()) throw Wrong.SHAPE;
        char sign = text.charAt(at);
        if (sign == 'Z' || sign == 'z') {
            if (at + 1 != text.length()) throw Wrong.SHAPE;
            return 0;
        }
        if (sign != '+' && sign != '-' || text.length() != at + 6 || text.charAt(at + 3) != ':') throw Wrong.SHAPE;
        int hours = digits(text, at + 1, 2), minutes = digits(text, at + 4, 2);
        if (hours > 23 || minutes > 59) throw Wrong.SHAPE;
        long us = (hours * 60L + minutes) * 60_000_000;
        return sign == '-' ? -us : us;
    }

    static void write(Text out, int day) {
        int[] ymd = ymd(day);
        out.digits(ymd[0], 4).put('-').digits(ymd[1], 2).put('-').digits(ymd[2], 2);
    }

    static void writeMoment(Text out, long us) {
        long day = Math.floorDiv(us, DAY_US), rest = us - day * DAY_US;
        write(out, (int) day);
        int second = (int) (rest / 1_000_000), fraction = (int) (rest % 1_000_000);
        out.put('T').digits(second / 3600, 2).put(':').digits(second / 60 % 60, 2).put(':').digits(second % 60, 2);
        if (fraction != 0) out.put('.').digits(fraction, 6);
        out.put('Z');
    }

    /** `2020-12` of a day. */
    static String month(int day) {
        Text out = new Text(8);
        int[] ymd = ymd(day);
        return out.digits(ymd[0], 4).put('-').digits(ymd[1], 2).toString();
    }

    private static int checked(int year, int month, int day) throws Wrong {
        if (year < 1 || month < 1 || month > 12 || day < 1 || day > lastOf(year, month)) throw Wrong.SHAPE;
        return civil(year, month, day);
    }

    private static int lastOf(int year, int month) {
        boolean leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        return month == 2 && leap ? 29 : MONTH[month - 1];
    }

    private static int digits(String text, int at, int count) throws Wrong {
        int value = 0;
        for (int i = at; i < at + count; i++) {
            char c = text.charAt(i);
            if (!isDigit(c)) throw Wrong.SHAPE;
            value = value * 10 + c - '0';
        }
        return value;
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    // Days from civil and back, after Howard Hinnant's "chrono-compatible low-level date algorithms".

    private static int civil(int year, int month, int day) {
        int y = month <= 2 ? year - 1 : year;
        int era = Math.floorDiv(y, 400), ofEra = y - era * 400;
        int ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468;
    }

    private static int[] ymd(int days) {
        int z = days + 719_468, era = Math.floorDiv(z, 146_097), ofEra = z - era * 146_097;
        int yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365;
        int ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
        int mp = (5 * ofYear + 2) / 153;
        int month = mp < 10 ? mp + 3 : mp - 9;
        return new int[] {yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * mp + 2) / 5 + 1};
    }
}
