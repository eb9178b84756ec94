package id.pantau.bench;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The `data` of a status report, typed. `effectiveOn` is there once it is complete (`of`). `physical`: 1/100 percent. */
record Report(
        String program, String status, int physical, long spent, String period, int effectiveOn,
        List<Evidence> evidence, String obstacle, String note) {

    static final String TYPE = "id.pantau.program.status.reported.v1";
    static final long UNKNOWN = -1;

    private static final Set<String> STATUSES = Set.of("not_started", "in_progress", "realized", "blocked", "cancelled");
    private static final BigDecimal HUNDRED = BigDecimal.valueOf(100);

    record Evidence(String title, String sha256, String mediaType, String url) {}

    boolean realized() {
        return status.equals("realized");
    }

    /** Read from a parser that stands on the object's beginning; the parser then stands on its end. */
    static Report read(JsonParser json) throws IOException, Wrong {
        if (json.currentToken() != JsonToken.START_OBJECT) throw Wrong.SHAPE;
        String program = null, status = null, period = null, obstacle = null, note = null;
        int physical = -1, effectiveOn = Days.NONE;
        long spent = UNKNOWN;
        List<Evidence> evidence = List.of();
        for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
            JsonToken token = json.nextToken();
            switch (name) {
                case "program" -> program = string(json, token);
                case "status" -> status = string(json, token);
                case "physical" -> physical = percent(json, token);
                case "spent" -> spent = rupiah(json, token);
                case "period" -> period = optional(json, token);
                case "effective_on" -> {
                    String date = optional(json, token);
                    effectiveOn = date == null ? Days.NONE : Days.date(date);
                }
                case "evidence" -> evidence = evidence(json, token);
                case "obstacle" -> obstacle = text(optional(json, token), 4000);
                case "note" -> note = text(optional(json, token), 4000);
                default -> throw Wrong.SHAPE;
            }
        }
        if (program == null || !Names.isProgram(program)) throw Wrong.SHAPE;
        if (status == null || !STATUSES.contains(status)) throw Wrong.SHAPE;
        if (physical < 0 || status.equals("realized") && physical != 100_00) throw Wrong.SHAPE;
        if (period != null) Days.periodEnd(period);
        if (effectiveOn == Days.NONE) {
            if (period == null) throw Wrong.SHAPE;
        } else {
            if (effectiveOn < FIRST_DAY || effectiveOn > LAST_DAY) throw Wrong.SHAPE;
            if (period == null) period = Days.month(effectiveOn);
        }
        return new Report(program, status, physical, spent, period, effectiveOn, evidence, obstacle, note);
    }

    /** Complete: without a date of its own it is true of the last day of its period, or of the event's day if that is earlier. */
    Report of(int day) throws Wrong {
        if (effectiveOn != Days.NONE) return this;
        return new Report(program, status, physical, spent, period, Math.min(Days.periodEnd(period), day), evidence, obstacle, note);
    }

    private static final int FIRST_DAY = -354_285; // 1000-01-01
    private static final int LAST_DAY = 376_199; // 2999-12-31

    /** As the facts log keeps it. */
    void write(Text out) {
        out.put("{\"program\":\"").put(program).put("\",\"status\":\"").put(status).put("\",\"physical\":\"");
        out.number(physical / 100);
        if (physical % 100 != 0) {
            out.put('.').put((char) ('0' + physical % 100 / 10));
            if (physical % 10 != 0) out.put((char) ('0' + physical % 10));
        }
        out.put("\",\"spent\":");
        if (spent == UNKNOWN) out.put("null");
        else out.number(spent);
        out.put(",\"period\":\"").put(period).put("\",\"effective_on\":\"");
        Days.write(out, effectiveOn);
        out.put("\",\"evidence\":[");
        for (int at = 0; at < evidence.size(); at++) {
            Evidence each = evidence.get(at);
            if (at > 0) out.put(',');
            out.put("{\"title\":").quoted(each.title).put(",\"sha256\":\"").put(each.sha256).put("\",\"media_type\":");
            nullable(out, each.mediaType);
            out.put(",\"url\":");
            nullable(out, each.url);
            out.put('}');
        }
        out.put("],\"obstacle\":");
        nullable(out, obstacle);
        out.put(",\"note\":");
        nullable(out, note);
        out.put('}');
    }

    private static void nullable(Text out, String text) {
        if (text == null) out.put("null");
        else out.quoted(text);
    }

    private static String string(JsonParser json, JsonToken token) throws IOException, Wrong {
        if (token != JsonToken.VALUE_STRING) throw Wrong.SHAPE;
        return json.getText();
    }

    private static String optional(JsonParser json, JsonToken token) throws IOException, Wrong {
        return token == JsonToken.VALUE_NULL ? null : string(json, token);
    }

    private static String text(String text, int limit) throws Wrong {
        if (text != null && (text.isEmpty() || text.codePointCount(0, text.length()) > limit)) throw Wrong.SHAPE;
        return text;
    }

    private static long rupiah(JsonParser json, JsonToken token) throws IOException, Wrong {
        if (token == JsonToken.VALUE_NULL) return UNKNOWN;
        if (token != JsonToken.VALUE_NUMBER_INT || json.getNumberType() == JsonParser.NumberType.BIG_INTEGER) throw Wrong.SHAPE;
        long value = json.getLongValue();
        if (value < 0 || value > 10_000_000_000_000_000L) throw Wrong.SHAPE;
        return value;
    }

    /** A number, or a decimal written as a string: 0 to 100 with at most two decimals. */
    private static int percent(JsonParser json, JsonToken token) throws IOException, Wrong {
        if (token == JsonToken.VALUE_NUMBER_INT && json.getNumberType() == JsonParser.NumberType.INT) {
            int whole = json.getIntValue();
            if (whole < 0 || whole > 100) throw Wrong.SHAPE;
            return whole * 100;
        }
        if (token != JsonToken.VALUE_NUMBER_FLOAT && token != JsonToken.VALUE_STRING) throw Wrong.SHAPE;
        char[] text = json.getTextCharacters();
        int at = json.getTextOffset(), end = at + json.getTextLength(), hundredths = 0, point = -1;
        if (end - at > 6) return slowPercent(json.getText());
        for (int i = at; i < end; i++) {
            char c = text[i];
            if (c == '.' && point < 0) point = i;
            else if (c >= '0' && c <= '9') hundredths = hundredths * 10 + c - '0';
            else return slowPercent(json.getText());
        }
        int decimals = point < 0 ? 0 : end - point - 1;
        if (decimals == 0) hundredths *= 100;
        else if (decimals == 1) hundredths *= 10;
        else if (decimals > 2) return slowPercent(json.getText());
        if (at == end || point == at || hundredths > 100_00) return slowPercent(json.getText());
        return hundredths;
    }

    private static int slowPercent(String text) throws Wrong {
        try {
            BigDecimal value = new BigDecimal(text);
            if (value.signum() < 0 || value.compareTo(HUNDRED) > 0) throw Wrong.SHAPE;
            return value.movePointRight(2).intValueExact();
        } catch (ArithmeticException | NumberFormatException error) {
            throw Wrong.SHAPE;
        }
    }

    private static List<Evidence> evidence(JsonParser json, JsonToken token) throws IOException, Wrong {
        if (token != JsonToken.START_ARRAY) throw Wrong.SHAPE;
        List<Evidence> found = new ArrayList<>();
        while (json.nextToken() != JsonToken.END_ARRAY) {
            if (json.currentToken() != JsonToken.START_OBJECT || found.size() == 50) throw Wrong.SHAPE;
            String title = null, sha256 = null, mediaType = null, url = null;
            for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
                JsonToken value = json.nextToken();
                switch (name) {
                    case "title" -> title = text(string(json, value), 300);
                    case "sha256" -> sha256 = string(json, value);
                    case "media_type" -> mediaType = optional(json, value);
                    case "url" -> url = optional(json, value);
                    default -> throw Wrong.SHAPE;
                }
            }
            if (title == null || sha256 == null || sha256.length() != 64) throw Wrong.SHAPE;
            if (!sha256.chars().allMatch(c -> c >= '0' && c <= '9' || c >= 'a' && c <= 'f')) throw Wrong.SHAPE;
            if (mediaType != null && mediaType.length() > 100) throw Wrong.SHAPE;
            if (url != null && (url.length() > 2000 || !url.startsWith("http://") && !url.startsWith("https://"))) throw Wrong.SHAPE;
            found.add(new Evidence(title, sha256, mediaType, url));
        }
        return found;
    }
}
