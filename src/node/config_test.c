#include "node/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CASE(text, line) refuses(text, "node.yaml line " line)

static void refuses(const char *text, const char *place)
{
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    struct qf_config config;
    enum qf_status status = qf_config_parse(&arena, &config, "/d", qf_slice_of(text), &err);
    if (status == QF_OK)
        fail_msg("not refused: %s", text);
    assert_string_equal(err.field, place);
    assert_true(err.detail[0] != '\0');
    qf_arena_deinit(&arena);
}

static void defaults(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_config config;
    assert_int_equal(qf_config_parse(&arena, &config, "/d", qf_slice_of("# nothing\n"), NULL),
                     QF_OK);
    assert_string_equal(config.listen, "127.0.0.1:8700");
    assert_string_equal(config.note_key, "/d/keys/note.pem");
    assert_int_equal(config.key_rate, 2000);
    assert_int_equal(config.verifier_cache_mib, 64);
    assert_null(config.tls.certificate);
    assert_null(config.tsa.key);
    assert_null(config.stamps.tsa);
    assert_null(config.witness_key);
    qf_arena_deinit(&arena);
}

static void everything(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    struct qf_config config;
    struct qf_note_key key;
    struct qf_buf text = {0};
    struct qf_buf log = {0};
    struct qf_buf witness = {0};
    static const uint8_t bytes[32] = {1};
    qf_note_key_make(&key, qf_slice_of("log"), QF_NOTE_ED25519, bytes);
    qf_note_key_put(&log, &key);
    qf_note_key_make(&key, qf_slice_of("court"), QF_NOTE_COSIGNATURE, bytes);
    qf_note_key_put(&witness, &key);
    qf_buf_printf(&text,
                  "listen: 0.0.0.0:443\nnote_key: /k/n.pem\ntls: {certificate: t.crt, key: t.pem, "
                  "clients: required}\napi: {read: members, url: 'https://n:1'}\ntsa: {key: a.pem, "
                  "certificate: a.crt}\nstamps: {tsa: 'https://t/x', ca: r.pem, every: 90m, "
                  "policy: 1.2.3}\nlimits: {key_rate: "
                  "5, key_burst: 7, key_kib: 9, verifier_cache: 128}\narchives: [/a, "
                  "b]\nwitnesses:\n  - {url: "
                  "'https://w/', key: "
                  "'%s'}\nwitness:\n  key: w.pem\n  name: me\n  logs:\n    - {origin: other, key: "
                  "'%s'}\nwebhooks:\n  - {id: h, url: 'https://h/x', secret: s, events: "
                  "[evidence.record]}\n",
                  qf_buf_text(&witness), qf_buf_text(&log));
    if (qf_config_parse(&arena, &config, "/d", qf_buf_slice(&text), &err) != QF_OK)
        fail_msg("%s: %s", err.field, err.detail);
    assert_string_equal(config.note_key, "/k/n.pem");
    assert_string_equal(config.tls.certificate, "/d/t.crt");
    assert_int_equal(config.tls.clients, QF_CLIENTS_REQUIRED);
    assert_true(config.api.members_only);
    assert_string_equal(config.stamps.tsa, "https://t/x");
    assert_string_equal(config.stamps.ca, "/d/r.pem");
    assert_string_equal(config.stamps.policy, "1.2.3");
    assert_int_equal(config.stamps.every_ms, 90 * 60000);
    assert_int_equal(config.stamps.renew_ms, 30LL * 86400000);
    assert_string_equal(config.api.url, "https://n:1");
    assert_int_equal(config.key_burst, 7);
    assert_int_equal(config.key_kib, 9);
    assert_int_equal(config.verifier_cache_mib, 128);
    assert_string_equal(config.archives[1], "/d/b");
    assert_int_equal(config.witness_count, 1);
    assert_true(qf_slice_is(config.witnesses[0].key.name, "court"));
    assert_true(qf_slice_is(config.logs[0].origin, "other"));
    assert_string_equal(config.webhooks[0].secret, "/d/s");
    assert_true(qf_slice_is(config.webhooks[0].events[0], "evidence.record"));
    qf_buf_deinit(&text);
    qf_buf_deinit(&log);
    qf_buf_deinit(&witness);
    qf_arena_deinit(&arena);
}

static void refusals(void **state)
{
    (void)state;
    CASE("- 1\n", "1");
    CASE("listen: a:1\nlisten_on: b\n", "2");
    CASE("listen: 7\n", "1");
    CASE("\ntls:\n  key: k\n", "2");
    CASE("tls:\n  key: k\n  certificate: c\n  clients: some\n", "4");
    CASE("tsa: keys/tsa.pem\n", "1");
    CASE("stamps: {every: 1h}\n", "1");
    CASE("stamps: {tsa: own}\n", "1");
    CASE("stamps:\n  tsa: ftp://t\n  ca: r\n", "2");
    CASE("stamps:\n  tsa: https://t\n", "1");
    CASE("stamps:\n  tsa: https://t\n  ca: r\n  every: 1\n", "4");
    CASE("stamps:\n  tsa: https://t\n  ca: r\n  every: 0s\n", "4");
    CASE("stamps:\n  tsa: https://t\n  ca: r\n  every: 1w\n", "4");
    CASE("stamps:\n  tsa: https://t\n  ca: r\n  every: 1hh\n", "4");
    CASE("stamps:\n  tsa: https://t\n  ca: r\n  renew: 3651d\n", "4");
    CASE("stamps:\n  tsa: https://t\n  ca: r\n  renew: 99999999s\n", "4");
    CASE("stamps:\n  tsa: https://t\n  ca: r\n  certificate: c\n", "1");
    CASE("api:\n  read: nobody\n", "2");
    CASE("api:\n  read: members\n  url: https://h/path\n", "3");
    CASE("api:\n  reed: members\n", "2");
    CASE("limits:\n  key_rate: fast\n", "2");
    CASE("limits:\n  key_rate: 5\n  key_burst: 0\n", "3");
    CASE("limits:\n  key_kib: 2000000\n", "2");
    CASE("limits:\n  verifier_cache: 4\n", "2");
    CASE("limits:\n  verifier_cache: 5000\n", "2");
    CASE("archives: [1]\n", "1");
    CASE("introductions: [1]\n", "1");
    CASE("introductions: [a, b, c, d, e, f, g, h, i]\n", "1");
    CASE("introductions: a\n", "1");
    CASE("witnesses:\n  - url: https://w\n    key: nonsense\n", "3");
    CASE("witnesses:\n  - url: ftp://w\n    key: nonsense\n", "2");
    CASE("witness:\n  key: k\n  name: a b\n", "3");
    CASE("webhooks:\n  - {id: a/b, url: 'https://h', secret: s}\n", "2");
    CASE("webhooks:\n  - {id: a, url: 'https://h', secret: s}\n  - {id: a, url: 'https://h', "
         "secret: s}\n",
         "3");
    CASE("webhooks:\n  - {id: a, url: 'https://h'}\n", "2");
    CASE("listen: *x\n", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(defaults), cmocka_unit_test(everything),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
