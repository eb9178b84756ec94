package id.pantau.bench;

/** Why a record is refused: each is made once and without a stack, because refusals are common. */
final class Wrong extends Exception {
    static final Wrong NOT_JSON = new Wrong("not_json");
    static final Wrong TOO_LARGE = new Wrong("too_large");
    static final Wrong UNKNOWN_TYPE = new Wrong("unknown_type");
    static final Wrong SHAPE = new Wrong("wrong_shape");
    static final Wrong TOPIC = new Wrong("wrong_topic");
    static final Wrong SOURCE = new Wrong("wrong_source");
    static final Wrong PARTITION = new Wrong("wrong_partition");
    static final Wrong FUTURE = new Wrong("future_date");
    static final Wrong CONFLICT = new Wrong("conflict");
    static final Wrong VERSION_CONFLICT = new Wrong("version_conflict");

    final byte[] reason;

    private Wrong(String reason) {
        super(reason, null, false, false);
        this.reason = Text.utf8(reason);
    }
}
