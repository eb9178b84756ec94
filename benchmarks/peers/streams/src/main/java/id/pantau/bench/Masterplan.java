package id.pantau.bench;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/** The `data` of a plan version. Jackson reads and writes it: there are few of these, and they are large. */
record Masterplan(
        Integer version, Integer expects, String effectiveFrom, String city, String regionCode, Name name,
        Integer startYear, Integer endYear, String timeZone, boolean illustrative, Integer reportDueDay,
        String punctualByReceiptFrom, SortedMap<String, BigDecimal> targets,
        SortedMap<String, SortedMap<String, BigDecimal>> dimensionTargets, List<Department> departments,
        List<Program> programs) {

    static final String TYPE = "id.pantau.masterplan.version.published.v1";
    static final JsonMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .enable(StreamWriteFeature.WRITE_BIGDECIMAL_AS_PLAIN)
            .withCoercionConfig(LogicalType.Float, config -> config.setCoercion(CoercionInputShape.String, CoercionAction.TryConvert))
            .withConfigOverride(BigDecimal.class, config -> config.setFormat(JsonFormat.Value.forShape(JsonFormat.Shape.STRING)))
            .build();

    static final List<String> DIMENSIONS = List.of("governance", "branding", "economy", "living", "society", "environment");

    private static final Map<String, Set<String>> SUB_DIMENSIONS = Map.of(
            "governance", Set.of("public_service", "bureaucracy", "public_policy"),
            "branding", Set.of("tourism", "business", "city_appearance"),
            "economy", Set.of("competitive_industry", "welfare", "transactions"),
            "living", Set.of("spatial_harmony", "health", "mobility"),
            "society", Set.of("community", "learning", "security"),
            "environment", Set.of("protection", "waste", "energy"));

    record Name(String id, String en) {}

    record Department(String key, Name name) {}

    record Program(
            String code, Name name, String dimension, String subDimension, String department, List<String> supporting,
            List<String> partners, BigDecimal weight, Integer startYear, Integer finishYear,
            SortedMap<String, Long> budget, List<Integer> quickWinYears, String priorityProblem, String leadingSector) {
        Program {
            supporting = supporting == null ? List.of() : supporting;
            partners = partners == null ? List.of() : partners;
            budget = budget == null ? new TreeMap<>() : budget;
            quickWinYears = quickWinYears == null ? List.of() : quickWinYears;
            weight = weight == null ? null : weight.stripTrailingZeros();
        }
    }

    Masterplan {
        timeZone = timeZone == null ? "Asia/Jakarta" : timeZone;
        reportDueDay = reportDueDay == null ? 10 : reportDueDay;
        targets = targets == null ? new TreeMap<>() : targets;
        dimensionTargets = dimensionTargets == null ? new TreeMap<>() : dimensionTargets;
        targets.replaceAll((year, percent) -> percent.stripTrailingZeros());
        dimensionTargets.values().forEach(each -> each.replaceAll((year, percent) -> percent.stripTrailingZeros()));
    }

    int effectiveDay() throws Wrong {
        return Days.date(effectiveFrom);
    }

    /** Refuses what is not a whole and consistent plan. */
    void check() throws Wrong {
        demand(version != null && version == (expects == null ? 0 : expects) + 1 && (expects == null || expects >= 1));
        demand(effectiveFrom != null && isText(city, 300) && isName(name));
        demand(isYear(startYear) && isYear(endYear) && startYear <= endYear && reportDueDay >= 1 && reportDueDay <= 28);
        demand(regionCode == null || regionCode.matches("[0-9]{2}(\\.[0-9]{2})?"));
        demand(departments != null && departments.size() <= 500 && programs != null && programs.size() <= 20_000);
        try {
            LocalDate.parse(effectiveFrom);
            if (punctualByReceiptFrom != null) LocalDate.parse(punctualByReceiptFrom);
            ZoneId.of(timeZone);
        } catch (java.time.DateTimeException error) {
            throw Wrong.SHAPE;
        }
        checkRising(targets);
        for (var each : dimensionTargets.entrySet()) {
            demand(DIMENSIONS.contains(each.getKey()));
            checkRising(each.getValue());
        }
        Set<String> departmentKeys = new HashSet<>(), codes = new HashSet<>();
        for (Department each : departments) demand(each.key != null && Names.isKey(each.key) && isName(each.name) && departmentKeys.add(each.key));
        for (Program each : programs) {
            check(each, departmentKeys);
            demand(codes.add(each.code));
        }
    }

    private void check(Program each, Set<String> departmentKeys) throws Wrong {
        demand(each.code != null && Names.isProgram(each.code) && isName(each.name));
        demand(each.dimension != null && DIMENSIONS.contains(each.dimension));
        demand(each.subDimension != null && SUB_DIMENSIONS.get(each.dimension).contains(each.subDimension));
        demand(departmentKeys.contains(each.department) && departmentKeys.containsAll(each.supporting));
        demand(each.weight != null && each.weight.signum() >= 0 && each.weight.compareTo(BigDecimal.valueOf(100)) <= 0 && each.weight.scale() <= 4);
        demand(isYear(each.startYear) && isYear(each.finishYear) && each.startYear <= each.finishYear);
        demand(each.startYear >= startYear && each.finishYear <= endYear);
        for (var budget : each.budget.entrySet()) {
            demand(budget.getKey().matches("2[01][0-9]{2}") && budget.getValue() >= 0 && budget.getValue() <= 10_000_000_000_000_000L);
        }
        for (Integer year : each.quickWinYears) demand(isYear(year));
        for (String partner : each.partners) demand(isText(partner, 300));
        demand(each.priorityProblem == null || isText(each.priorityProblem, 300));
        demand(each.leadingSector == null || isText(each.leadingSector, 300));
    }

    byte[] bytes() {
        try {
            return JSON.writeValueAsBytes(this);
        } catch (JsonProcessingException error) {
            throw new IllegalStateException(error);
        }
    }

    private static void checkRising(SortedMap<String, BigDecimal> targets) throws Wrong {
        BigDecimal before = BigDecimal.ZERO;
        for (var each : targets.entrySet()) {
            BigDecimal percent = each.getValue();
            demand(each.getKey().matches("2[01][0-9]{2}") && percent.scale() <= 2);
            demand(percent.compareTo(before) >= 0 && percent.compareTo(BigDecimal.valueOf(100)) <= 0);
            before = percent;
        }
    }

    private static boolean isName(Name name) {
        return name != null && isText(name.id, 300) && isText(name.en, 300);
    }

    private static boolean isText(String text, int limit) {
        return text != null && !text.isEmpty() && text.codePointCount(0, text.length()) <= limit;
    }

    private static boolean isYear(Integer year) {
        return year != null && year >= 2000 && year <= 2100;
    }

    private static void demand(boolean right) throws Wrong {
        if (!right) throw Wrong.SHAPE;
    }
}
