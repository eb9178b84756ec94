package id.pantau.bench;

/** The patterns of schemas/sources.py, envelope.py and reports.py, checked by hand: every record needs them. */
final class Names {
    private Names() {}

    /** A parsed source: `/plans/{plan}/departments/{organization}`, `.../evaluators/{organization}` or `.../council`. */
    record Source(String text, String plan, String kind, String organization) {
        static Source of(String text) throws Wrong {
            if (text.length() > 160 || !text.startsWith("/plans/")) throw Wrong.SHAPE;
            int planEnd = text.indexOf('/', 7);
            if (planEnd < 0) throw Wrong.SHAPE;
            String plan = text.substring(7, planEnd);
            if (!isKey(plan)) throw Wrong.SHAPE;
            if (text.startsWith("/council", planEnd) && text.length() == planEnd + 8) return new Source(text, plan, "council", "");
            String kind = text.startsWith("/departments/", planEnd) ? "departments" : text.startsWith("/evaluators/", planEnd) ? "evaluators" : null;
            if (kind == null) throw Wrong.SHAPE;
            String organization = text.substring(planEnd + kind.length() + 2);
            if (!isKey(organization)) throw Wrong.SHAPE;
            return new Source(text, plan, kind, organization);
        }
    }

    /** `[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?` */
    static boolean isKey(String text) {
        int length = text.length();
        if (length < 1 || length > 63 || text.charAt(0) == '-' || text.charAt(length - 1) == '-') return false;
        for (int at = 0; at < length; at++) {
            char c = text.charAt(at);
            if (!(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')) return false;
        }
        return true;
    }

    /** `[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}` */
    static boolean isEventId(String text) {
        int length = text.length();
        if (length < 1 || length > 128 || !isAlphanumeric(text.charAt(0))) return false;
        for (int at = 1; at < length; at++) {
            char c = text.charAt(at);
            if (!isAlphanumeric(c) && c != '.' && c != '_' && c != ':' && c != '~' && c != '-') return false;
        }
        return true;
    }

    /** `[A-Z0-9](?:[A-Z0-9.-]{0,30}[A-Z0-9])?` */
    static boolean isProgram(String text) {
        int length = text.length();
        if (length < 1 || length > 32 || !isUpper(text.charAt(0)) || !isUpper(text.charAt(length - 1))) return false;
        for (int at = 1; at < length - 1; at++) {
            char c = text.charAt(at);
            if (!isUpper(c) && c != '.' && c != '-') return false;
        }
        return true;
    }

    private static boolean isUpper(char c) {
        return c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
    }

    private static boolean isAlphanumeric(char c) {
        return isUpper(c) || c >= 'a' && c <= 'z';
    }
}
