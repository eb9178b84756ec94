package id.pantau.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.util.Set;

/** One event of the inputs, typed: a report or a plan version (the other is null). `timeUs`: microseconds since 1970. */
record Event(String id, Names.Source source, long timeUs, boolean attested, Report report, Masterplan plan) {
    static final int REPORT_LIMIT = 256 * 1024;
    static final int PLAN_LIMIT = 16 * 1024 * 1024;

    private static final JsonFactory FACTORY = new JsonFactory();
    private static final ObjectReader PLANS = Masterplan.JSON.readerFor(Masterplan.class);
    private static final Set<String> OTHER_TYPES = Set.of(
            "id.pantau.visit.recorded.v1", "id.pantau.verification.recorded.v1", "id.pantau.quickwins.chosen.v1");

    String kind() {
        return report != null ? "report" : "plan-version";
    }

    /** The event of a record of `masterplans` (`plans`) or of `program-status`. Throws the reason when it is refused. */
    static Event read(byte[] value, boolean plans) throws Wrong {
        if (value == null) throw Wrong.NOT_JSON;
        if (value.length > (plans ? PLAN_LIMIT : REPORT_LIMIT)) throw Wrong.TOO_LARGE;
        try (JsonParser json = FACTORY.createParser(value)) {
            return read(json, plans);
        } catch (IOException | Wrong wrong) {
            throw reason(value, plans);
        }
    }

    private static Event read(JsonParser json, boolean plans) throws IOException, Wrong {
        if (json.nextToken() != JsonToken.START_OBJECT) throw Wrong.NOT_JSON;
        String version = null, id = null, source = null, time = null, type = null, contentType = "application/json", role = null;
        Report report = null;
        Masterplan plan = null;
        for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
            JsonToken token = json.nextToken();
            switch (name) {
                case "specversion" -> version = string(json, token);
                case "id" -> id = string(json, token);
                case "source" -> source = string(json, token);
                case "time" -> time = string(json, token);
                case "type" -> type = string(json, token);
                case "datacontenttype" -> contentType = string(json, token);
                case "attestedrole" -> role = token == JsonToken.VALUE_NULL ? null : string(json, token);
                case "data" -> {
                    if (plans) plan = PLANS.readValue(json);
                    else report = Report.read(json);
                }
                default -> json.skipChildren();
            }
        }
        if (json.nextToken() != null) throw Wrong.NOT_JSON;
        if (!(plans ? Masterplan.TYPE : Report.TYPE).equals(type)) throw Wrong.UNKNOWN_TYPE;
        if (!"1.0".equals(version) || !"application/json".equals(contentType)) throw Wrong.SHAPE;
        if (role != null && !role.equals("administrator")) throw Wrong.SHAPE;
        if (id == null || source == null || time == null || (plans ? plan == null : report == null)) throw Wrong.SHAPE;
        if (!Names.isEventId(id)) throw Wrong.SHAPE;
        if (plans) plan.check();
        long timeUs = Days.moment(time);
        if (report != null) report = report.of(Days.date(time.substring(0, 10)));
        return new Event(id, Names.Source.of(source), timeUs, role != null, report, plan);
    }

    private static String string(JsonParser json, JsonToken token) throws IOException, Wrong {
        if (token != JsonToken.VALUE_STRING) throw Wrong.SHAPE;
        return json.getText();
    }

    /** The reason why bytes hold no event of this topic; they are read again, slowly, because they are few. */
    private static Wrong reason(byte[] value, boolean plans) {
        JsonNode root;
        try {
            root = Masterplan.JSON.reader().with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).readTree(value);
        } catch (IOException error) {
            return Wrong.NOT_JSON;
        }
        if (root == null || !root.isObject()) return Wrong.NOT_JSON;
        JsonNode type = root.get("type");
        if (type == null || !type.isTextual()) return Wrong.UNKNOWN_TYPE;
        if (type.textValue().equals(plans ? Masterplan.TYPE : Report.TYPE)) return Wrong.SHAPE;
        return elsewhere(value, type.textValue(), plans);
    }

    /** For a type of another topic the shape is checked first. Types outside the bench's job: their topic only. */
    private static Wrong elsewhere(byte[] value, String type, boolean plans) {
        if (!type.equals(plans ? Report.TYPE : Masterplan.TYPE)) return OTHER_TYPES.contains(type) ? Wrong.TOPIC : Wrong.UNKNOWN_TYPE;
        try (JsonParser json = FACTORY.createParser(value)) {
            read(json, !plans);
            return Wrong.TOPIC;
        } catch (IOException | Wrong wrong) {
            return Wrong.SHAPE;
        }
    }

    /** The event as the facts log keeps it: always the same bytes for the same content. */
    void write(Text out) {
        out.put("{\"specversion\":\"1.0\",\"id\":\"").put(id).put("\",\"source\":\"").put(source.text()).put("\",\"time\":\"");
        Days.writeMoment(out, timeUs);
        out.put("\",\"datacontenttype\":\"application/json\",\"attestedrole\":");
        out.put(attested ? "\"administrator\"" : "null");
        out.put(",\"type\":\"").put(report != null ? Report.TYPE : Masterplan.TYPE).put("\",\"data\":");
        if (report != null) report.write(out);
        else out.put(plan.bytes());
        out.put('}');
    }
}
