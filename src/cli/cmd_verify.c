/* qifeng bundle and qifeng verify: fetching everything about one record, and checking it offline.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/roots.h"
#include "cli/terminal.h"
#include "cli/verify.h"

#define WAIT_SECONDS 30

/* Whether a bundle has a time-stamp: one that covers the entry comes a while after it. */
static bool has_stamp(struct qf_slice body)
{
    struct qf_arena arena = {0};
    struct qf_json bundle;
    bool there = qf_json_parse(&arena, &bundle, body, QF_JSON_CANONICAL, NULL) == QF_OK &&
                 qf_json_get(&bundle, "stamped") != NULL;
    qf_arena_deinit(&arena);
    return there;
}

/* Asks until enough witnesses have cosigned: that takes a moment after the log has grown. The same
 * for a time-stamp. */
static enum qf_status fetch(struct qf_client *client, struct qf_buf *body, const char *path,
                            bool wait, bool stamped, struct qf_error *err)
{
    struct qf_cli_progress progress;
    long http = 0;
    enum qf_status status = QF_OK;
    qf_cli_progress_start(&progress, "seconds waited", WAIT_SECONDS);
    for (unsigned tries = 0; tries <= WAIT_SECONDS; tries++) {
        qf_buf_reset(body);
        status = qf_client_get(client, body, path, &http, err);
        if (status == QF_OK)
            status = qf_client_problem(qf_buf_slice(body), http, err);
        bool unstamped = stamped && status == QF_OK && !has_stamp(qf_buf_slice(body));
        if (unstamped)
            status = qf_fail(err, QF_CANNOT_TELL, "--stamped",
                             "no time-stamp covers it yet: see stamps in /v1/health, and fetch it "
                             "later");
        if (!(unstamped || (http == 503 && wait)) || tries == WAIT_SECONDS)
            break;
        qf_cli_progress_show(&progress, tries);
        nanosleep(&(const struct timespec){.tv_sec = 1}, NULL);
    }
    return status;
}

int qf_cmd_bundle(int argc, char **argv)
{
    struct qf_client_reader reader = {0};
    const char *node = NULL;
    const char *output = NULL;
    const char *cosigned = NULL;
    const char *of_case = NULL, *of_evidence = NULL, *of_member = NULL;
    bool receipt = false;
    bool stamped = false;
    bool json = false;
    const struct qf_cli_option options[] = {
        {"--node", "URL", "the node that has it", &node, NULL},
        {"--key", "FILE", "key file or pkcs11: URI that signs what is read", &reader.key, NULL},
        {"--passphrase-file", "F", "of the key file (or QIFENG_PASSPHRASE_FILE)",
         &reader.passphrase_file, NULL},
        {"--output", "FILE.qfb", "where it goes; also -o (default: standard output)", &output,
         NULL},
        {"--case", "CASE", "instead of TXID: the case as it stands, and what it was decided by",
         &of_case, NULL},
        {"--evidence", "ID", "instead of TXID: an evidence record, with what made it", &of_evidence,
         NULL},
        {"--member", "ID", "instead of TXID: a member with his nodes' keys, for introductions",
         &of_member, NULL},
        {"--cosigned", "N", "waits up to 30 s until N witnesses have cosigned it", &cosigned, NULL},
        {"--stamped", NULL, "waits up to 30 s until a time-stamp covers it", NULL, &stamped},
        {"--receipt", NULL, "a .tlog-proof file instead, which others' tools verify", NULL,
         &receipt},
        {"--json", NULL, "with -o: print what was written; the bundle itself is JSON", NULL, &json},
    };
    static const struct qf_cli_help help = {
        "qifeng bundle TXID|--case CASE|--evidence ID|--member ID --node URL [-o FILE.qfb] "
        "[--cosigned N] "
        "[--stamped] [--receipt]",
        "Fetches everything needed to verify one transaction offline, in one file: with the\n"
        "cosignatures of witnesses as far as there are some, with at least N of them if you say "
        "so.\n"
        "--case: the last transaction of a case, with the case as it stands and the packages of\n"
        "the service: qifeng decision replay --bundle then decides again without a node.\n"
        "--evidence: a record of evidence, also one that a service made and no transaction has.\n"
        "--member: a member with his nodes' keys, as the introduction of a node that genesis does\n"
        "not name (introductions in node.yaml).",
        "  qifeng bundle 3f2a… --node http://127.0.0.1:8700 -o permit.qfb\n"
        "  qifeng bundle 3f2a… --node http://127.0.0.1:8700 -o permit.qfb --cosigned 2\n"
        "  qifeng verify permit.qfb --trust genesis.json\n"
        "  qifeng bundle --case c-17 --node http://127.0.0.1:8700 -o c-17.qfb\n"
        "  qifeng bundle --evidence service/c-17/permit --node http://127.0.0.1:8700 -o p.qfb\n"
        "  qifeng bundle --member court --node http://127.0.0.1:8700 -o court.qfb\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    const char *const of[] = {of_case, of_evidence, of_member};
    const char *what = argv[0];
    size_t named = 0;
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        named += of[i] != NULL;
        what = of[i] != NULL ? of[i] : what;
    }
    if (named > 1 || count != (named == 0) || node == NULL || ((named > 0 || stamped) && receipt))
        return (int)qf_cli_usage("usage: %s", help.usage);
    struct qf_error err = {0};
    struct qf_client *client = NULL;
    struct qf_buf path = {0};
    struct qf_buf body;
    qf_buf_init(&body, QF_BUNDLE_SIZE_MAX);
    qf_buf_put_text(&path, of_case != NULL       ? "/v1/cases/"
                           : of_evidence != NULL ? "/v1/bundles/evidence/"
                           : of_member != NULL   ? "/v1/bundles/member/"
                                                 : "/v1/transactions/");
    qf_client_escape(&path, qf_slice_of(what));
    if (of_evidence == NULL && of_member == NULL)
        qf_buf_put_text(&path, receipt ? "/receipt" : "/bundle");
    if (cosigned != NULL) {
        qf_buf_put_text(&path, "?cosigned=");
        qf_client_escape(&path, qf_slice_of(cosigned));
    }
    enum qf_status status = qf_client_new(&client, node, &reader, &err);
    if (status == QF_OK)
        status = fetch(client, &body, qf_buf_text(&path), cosigned != NULL, stamped, &err);
    if (status == QF_OK)
        status = qf_cli_write(output != NULL ? output : "-", qf_buf_slice(&body), &err);
    if (status == QF_OK && json && output != NULL && strcmp(output, "-") != 0) {
        struct qf_arena arena = {0};
        struct qf_json written = qf_json_make_object();
        qf_json_put(&arena, &written, "file", qf_json_make_text(output));
        qf_json_put(&arena, &written, "size", qf_json_make_int((int64_t)body.size));
        qf_json_put(&arena, &written,
                    of_case != NULL       ? "case"
                    : of_evidence != NULL ? "evidence"
                    : of_member != NULL   ? "member"
                                          : "transaction",
                    qf_json_make_text(what));
        qf_cli_print_json(&written);
        qf_arena_deinit(&arena);
    }
    qf_client_free(client);
    qf_buf_deinit(&path);
    qf_buf_deinit(&body);
    return status == QF_OK ? QF_EXIT_OK : (int)qf_cli_error(&err);
}

static const char *shown(struct qf_arena *arena, struct qf_slice text)
{
    return qf_arena_text(arena, qf_cli_shown(arena, text));
}

static void print_stamp(struct qf_arena *arena, const struct qf_stamp_report *stamp)
{
    char when[64];
    char until[64];
    qf_cli_time_text(when, stamp->time_ms);
    qf_cli_time_text(until, stamp->until_ms);
    if (!stamp->checked) {
        printf("  stamped  before %s by %s, says the file: not checked,\n"
               "           give the authority's roots with --tsa-ca\n",
               when, shown(arena, qf_slice_of(stamp->authority)));
        return;
    }
    printf("  existed  before %s, says time-stamp authority %s,\n"
           "           log of %llu\n",
           when, shown(arena, qf_slice_of(stamp->authority)),
           (unsigned long long)stamp->checkpoint.size);
    if (stamp->from > 0)
        printf("           an older time-stamp had ended when it was renewed, and shows nothing\n");
    if (stamp->links > 1)
        printf("           renewed %zu time%s, last by %s\n", stamp->links - 1,
               stamp->links == 2 ? "" : "s", shown(arena, qf_slice_of(stamp->until_by)));
    printf("           can be shown until %s unless it is renewed\n", until);
}

static void put_stamp(struct qf_arena *arena, struct qf_json *object,
                      const struct qf_stamp_report *stamp)
{
    struct qf_json one = qf_json_make_object();
    qf_json_put(arena, &one, "authority", qf_json_make_text(stamp->authority));
    qf_json_put(arena, &one, "checked", qf_json_make_bool(stamp->checked));
    qf_json_put(arena, &one, "ended", qf_json_make_int((int64_t)stamp->from));
    qf_json_put(arena, &one, "log_size", qf_json_make_int((int64_t)stamp->checkpoint.size));
    qf_json_put(arena, &one, "renewals", qf_json_make_int((int64_t)stamp->links - 1));
    qf_json_put(arena, &one, "time", qf_json_make_int(stamp->time_ms));
    qf_json_put(arena, &one, "until", qf_json_make_int(stamp->until_ms));
    qf_json_put(arena, object, "stamp", one);
}

static void print_report(struct qf_arena *arena, const struct qf_bundle_report *report)
{
    char when[64];
    qf_cli_time_text(when, report->time_ms);
    printf("%s\n", report->code == QF_OK
                       ? "VALID: recorded, and not changed since"
                       : "VALID: this refusal is recorded, and not changed since");
    if (report->tx_id[0] == '\0')
        printf("  who      nobody: the entry is of time alone\n");
    else if (report->actor.size > 0)
        printf("  who      %s of %s, with key %s\n", shown(arena, report->actor),
               shown(arena, report->member), report->kid);
    else
        printf("  who      key %s, says the entry: a receipt does not prove whose it is\n",
               report->kid);
    printf("  when     %s, block %llu\n", when, (unsigned long long)report->height);
    printf("  where    network %s, log entry %llu of %llu\n", shown(arena, report->network),
           (unsigned long long)report->leaf, (unsigned long long)report->log_size);
    if (report->tx_id[0] != '\0')
        printf("  id       %s\n", report->tx_id);
    if (report->code != QF_OK)
        printf("  refused  %s\n", qf_status_name((enum qf_status)report->code));
    for (uint32_t i = 0; i < report->ops->count; i++) {
        struct qf_buf text = {0};
        qf_json_write(&text, &report->ops->items[i]);
        printf("  what     %s\n", shown(arena, qf_buf_slice(&text)));
        qf_buf_deinit(&text);
    }
    for (uint32_t i = 0; report->records != NULL && i < report->records->count; i++) {
        struct qf_slice key = qf_json_text(qf_json_get(&report->records->items[i], "key"));
        struct qf_slice value = qf_json_text(qf_json_get(&report->records->items[i], "value"));
        printf("  record   %s, as it was then\n", shown(arena, key));
        if (key.size > 9 && memcmp(key.data, "evidence/", 9) == 0)
            printf("           %s\n", shown(arena, value));
    }
    for (size_t i = 0; i < report->signer_count; i++)
        printf("  signed   by node %s\n", shown(arena, report->signers[i]));
    for (size_t i = 0; i < report->introduced_count; i++)
        printf("  key      of a node of %s: vouched for by the log of %llu entries, as genesis's\n"
               "           nodes or those before it have signed it\n",
               shown(arena, report->introduced[i]), (unsigned long long)report->introduced_at[i]);
    for (size_t i = 0; i < report->cosigner_count; i++) {
        qf_cli_time_text(when, (int64_t)report->cosigners[i].time_s * 1000);
        printf("  cosigned by witness %s, %s, log of %llu\n",
               shown(arena, report->cosigners[i].name), when,
               (unsigned long long)report->cosigners[i].size);
    }
    if (report->stamped)
        print_stamp(arena, &report->stamp);
    for (size_t i = 0; i < report->unknown_count; i++)
        printf("  not checked: a signature in the name of %s, by a key that you did not give\n",
               shown(arena, report->unknown[i]));
    printf("  trust    genesis %s%s\n", report->genesis_hash,
           report->trusted
               ? ", given by you"
               : ", taken from the file: compare it with the network's, or use --trust");
}

static void print_report_json(struct qf_arena *arena, const struct qf_bundle_report *report)
{
    struct qf_json object = qf_json_make_object();
    struct qf_json signers = qf_json_make_array();
    for (size_t i = 0; i < report->signer_count; i++)
        qf_json_append(arena, &signers, qf_json_make_slice(report->signers[i]));
    struct qf_json cosigners = qf_json_make_array();
    struct qf_json records = qf_json_make_array();
    struct qf_json unknown = qf_json_make_array();
    for (size_t i = 0; i < report->cosigner_count; i++) {
        struct qf_json one = qf_json_make_object();
        qf_json_put(arena, &one, "log_size", qf_json_make_int((int64_t)report->cosigners[i].size));
        qf_json_put(arena, &one, "name", qf_json_make_slice(report->cosigners[i].name));
        qf_json_put(arena, &one, "time",
                    qf_json_make_int((int64_t)report->cosigners[i].time_s * 1000));
        qf_json_append(arena, &cosigners, one);
    }
    for (size_t i = 0; i < report->unknown_count; i++)
        qf_json_append(arena, &unknown, qf_json_make_slice(report->unknown[i]));
    qf_json_put(arena, &object, "cosigners", cosigners);
    struct qf_json introduced = qf_json_make_array();
    for (size_t i = 0; i < report->introduced_count; i++) {
        struct qf_json one = qf_json_make_object();
        qf_json_put(arena, &one, "log_size", qf_json_make_int((int64_t)report->introduced_at[i]));
        qf_json_put(arena, &one, "member", qf_json_make_slice(report->introduced[i]));
        qf_json_append(arena, &introduced, one);
    }
    if (introduced.count > 0)
        qf_json_put(arena, &object, "introduced", introduced);
    if (report->stamped)
        put_stamp(arena, &object, &report->stamp);
    qf_json_put(arena, &object, "unknown_signers", unknown);
    qf_json_put(arena, &object, "valid", qf_json_make_bool(true));
    qf_json_put(arena, &object, "network", qf_json_make_slice(report->network));
    qf_json_put(arena, &object, "suite", qf_json_make_text(qf_suite_name(report->suite)));
    qf_json_put(arena, &object, "leaf", qf_json_make_int((int64_t)report->leaf));
    qf_json_put(arena, &object, "log_size", qf_json_make_int((int64_t)report->log_size));
    qf_json_put(arena, &object, "height", qf_json_make_int((int64_t)report->height));
    qf_json_put(arena, &object, "index", qf_json_make_int(report->index));
    qf_json_put(arena, &object, "time", qf_json_make_int(report->time_ms));
    qf_json_put(arena, &object, "code", qf_json_make_int(report->code));
    if (report->tx_id[0] != '\0') {
        qf_json_put(arena, &object, "id", qf_json_make_text(report->tx_id));
        qf_json_put(arena, &object, "kid", qf_json_make_text(report->kid));
    }
    if (report->actor.size > 0) {
        qf_json_put(arena, &object, "actor", qf_json_make_slice(report->actor));
        qf_json_put(arena, &object, "member", qf_json_make_slice(report->member));
    }
    qf_json_put(arena, &object, "ops", *report->ops);
    for (uint32_t i = 0; report->records != NULL && i < report->records->count; i++)
        qf_json_append(arena, &records, *qf_json_get(&report->records->items[i], "key"));
    if (report->records != NULL)
        qf_json_put(arena, &object, "records", records);
    qf_json_put(arena, &object, "genesis", qf_json_make_text(report->genesis_hash));
    qf_json_put(arena, &object, "trusted", qf_json_make_bool(report->trusted));
    qf_json_put(arena, &object, "signers", signers);
    qf_cli_print_json(&object);
}

static void print_failure(const struct qf_error *err, bool json)
{
    if (!json) {
        printf("%s: %s: %s\n", err->status == QF_CANNOT_TELL ? "CANNOT TELL" : "NOT VALID",
               err->field[0] != '\0' ? err->field : "file", err->detail);
        return;
    }
    struct qf_arena arena = {0};
    struct qf_json object = qf_json_make_object();
    qf_json_put(&arena, &object, "valid",
                err->status == QF_CANNOT_TELL ? qf_json_make_null() : qf_json_make_bool(false));
    qf_json_put(&arena, &object, "field", qf_json_make_text(err->field));
    qf_json_put(&arena, &object, "detail", qf_json_make_text(err->detail));
    qf_cli_print_json(&object);
    qf_arena_deinit(&arena);
}

/* What the reader says on the command line. */
struct asked {
    const char *trust, *witnesses, *log_keys, *quorum, *entry, *tsa_ca;
    struct qf_cli_roots roots;
    struct qf_note_key witness_keys[QF_CLI_KEYS_MAX], node_keys[QF_CLI_KEYS_MAX];
};

enum qf_status qf_cli_verifier_keys(const char *text, enum qf_note_alg alg, const char *option,
                                    struct qf_note_key *keys, size_t *count, struct qf_error *err)
{
    *count = 0;
    while (text != NULL && *text != '\0') {
        size_t size = strcspn(text, "\n");
        if (*count == QF_CLI_KEYS_MAX)
            return qf_fail(err, QF_USAGE, option, "at most %d keys", QF_CLI_KEYS_MAX);
        if (qf_note_key_parse(&keys[*count], qf_slice_make(text, size), err) != QF_OK ||
            keys[*count].alg != alg)
            return qf_fail(err, QF_USAGE, option, "want a verifier key of type %02x, such as %s",
                           (unsigned)alg,
                           alg == QF_NOTE_COSIGNATURE
                               ? "court.example/w+1c5e0a9b+BAb…; the witness's operator has it"
                               : "beijing+7d1f4f02+Aab…; the node's operator has it");
        (*count)++;
        text += size + (text[size] == '\n');
    }
    return QF_OK;
}

static enum qf_status read_quorum(const struct asked *asked, struct qf_bundle_trust *trust,
                                  struct qf_error *err)
{
    trust->quorum = trust->witness_count;
    if (asked->quorum == NULL)
        return QF_OK;
    char *end = NULL;
    unsigned long value = strtoul(asked->quorum, &end, 10);
    if (asked->quorum[0] < '0' || asked->quorum[0] > '9' || *end != '\0')
        return qf_fail(err, QF_USAGE, "--quorum", "want a number");
    if (value > trust->witness_count)
        return qf_fail(err, QF_USAGE, "--quorum",
                       "there are only %zu witnesses: give each with "
                       "--witness",
                       trust->witness_count);
    trust->quorum = value;
    return QF_OK;
}

static enum qf_status read_trust(struct asked *asked, struct qf_arena *arena,
                                 struct qf_bundle_trust *trust, struct qf_slice *entry,
                                 struct qf_error *err)
{
    *trust =
        (struct qf_bundle_trust){.log_keys = asked->node_keys, .witnesses = asked->witness_keys};
    enum qf_status status = qf_cli_verifier_keys(asked->witnesses, QF_NOTE_COSIGNATURE, "--witness",
                                                 asked->witness_keys, &trust->witness_count, err);
    if (status == QF_OK)
        status = qf_cli_verifier_keys(asked->log_keys, QF_NOTE_ED25519, "--log-key",
                                      asked->node_keys, &trust->log_key_count, err);
    if (status == QF_OK)
        status = read_quorum(asked, trust, err);
    if (status == QF_OK)
        status = qf_cli_roots_load(&asked->roots, asked->tsa_ca, err);
    const struct qf_stamp_trust roots = qf_cli_roots_trust(&asked->roots);
    trust->tsa_roots = roots.roots;
    trust->tsa_root_count = roots.root_count;
    trust->now_ms = roots.now_ms;
    if (status == QF_OK && asked->trust != NULL)
        status = qf_cli_read(arena, asked->trust, QF_STATE_VALUE_SIZE_MAX, &trust->genesis, err);
    if (status == QF_OK && asked->entry != NULL)
        status = qf_cli_read(arena, asked->entry, QF_ENTRY_SIZE_MAX, entry, err);
    return status;
}

static enum qf_status verify_file(const char *path, struct asked *asked, struct qf_arena *arena,
                                  struct qf_verifier **verifier, struct qf_bundle_report *report,
                                  bool *answered, struct qf_error *err)
{
    const struct qf_verifier_options options = {0};
    struct qf_bundle_trust trust;
    struct qf_slice file;
    struct qf_slice entry = {0};
    *answered = false;
    enum qf_status status = read_trust(asked, arena, &trust, &entry, err);
    if (status == QF_OK)
        status = qf_cli_read(arena, path, QF_BUNDLE_SIZE_MAX, &file, err);
    if (status == QF_OK)
        status = qf_verifier_new(verifier, &options, err);
    if (status != QF_OK)
        return status;
    if (qf_receipt_is(file) && trust.tsa_root_count > 0)
        return qf_fail(err, QF_USAGE, "--tsa-ca", "a receipt has no time-stamp; a bundle may");
    *answered = true;
    if (qf_receipt_is(file))
        return qf_receipt_verify(arena, file, entry, &trust, *verifier, report, err);
    if (file.size > 0 && file.data[file.size - 1] == '\n')
        file.size--;
    return qf_bundle_verify(arena, file, &trust, *verifier, report, err);
}

int qf_cmd_verify(int argc, char **argv)
{
    struct asked asked = {0};
    bool json = false;
    const struct qf_cli_option options[] = {
        {"--trust", "GENESIS", "the network's genesis document, from where you trust it",
         &asked.trust, NULL},
        {"--witness", "VKEY...", "verifier key of a witness that you trust; may be repeated",
         &asked.witnesses, NULL},
        {"--quorum", "N", "how many of them must have cosigned it (default: all)", &asked.quorum,
         NULL},
        {"--log-key", "VKEY...", "key of a node that genesis does not name; may be repeated",
         &asked.log_keys, NULL},
        {"--tsa-ca", "FILE",
         "PEM of the roots of time-stamp authorities that you trust: it must be time-stamped",
         &asked.tsa_ca, NULL},
        {"--entry", "FILE", "the log entry of a receipt, instead of the one in it", &asked.entry,
         NULL},
        {"--json", NULL, "print JSON", NULL, &json},
    };
    static const struct qf_cli_help help = {
        "qifeng verify FILE [--trust GENESIS] [--witness VKEY]... [--quorum N] [--tsa-ca FILE]",
        "Checks a bundle or a receipt (.tlog-proof): who recorded what, when, and that it has not\n"
        "changed; with the keys of witnesses that they were shown the same log; with the roots of\n"
        "a time-stamp authority since when it is there. Needs no network and no node. Exit status "
        "0 valid, 1 not valid, 4 cannot tell.",
        "  qifeng verify permit.qfb --trust genesis.json\n"
        "  qifeng verify permit.qfb --trust genesis.json --witness "
        "court.example/w+1c5e0a9b+BAb…\n"
        "  qifeng verify permit.qfb --trust genesis.json --tsa-ca tsa-roots.pem\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count != 1)
        return (int)qf_cli_usage("usage: %s", help.usage);
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    struct qf_verifier *verifier = NULL;
    struct qf_bundle_report report;
    bool answered;
    enum qf_status status =
        verify_file(argv[0], &asked, &arena, &verifier, &report, &answered, &err);
    if (answered && status != QF_OK)
        print_failure(&err, json);
    else if (answered && json)
        print_report_json(&arena, &report);
    else if (answered)
        print_report(&arena, &report);
    qf_verifier_free(verifier);
    qf_cli_roots_free(&asked.roots);
    qf_arena_deinit(&arena);
    if (!answered)
        return (int)qf_cli_error(&err);
    if (status == QF_OK)
        return QF_EXIT_OK;
    return status == QF_CANNOT_TELL ? QF_EXIT_CANNOT_TELL : QF_EXIT_REFUSED;
}
