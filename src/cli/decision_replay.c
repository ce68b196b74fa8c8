/* qifeng decision replay: a recorded decision, made again from a node's records or from a bundle.
 */
#include <stdio.h>

#include "cli/decision.h"
#include "cli/verify.h"
#include "kernel/service/decision.h"

/* The decision of that name that was made last; without a name, of all. */
static const struct qf_json *wanted(const struct qf_json *decisions, const char *name)
{
    const struct qf_json *found = NULL;
    for (uint32_t i = 0; decisions != NULL && i < decisions->count; i++)
        if (name == NULL || qf_json_is_text(qf_json_get(&decisions->items[i], "decision"), name))
            found = &decisions->items[i];
    return found;
}

/* In JSON, into `out`. */
static void print(struct qf_remote *remote, const struct qf_decision_request *request,
                  struct qf_json *out, const struct qf_json *record, const struct qf_json *revealed,
                  const struct qf_service_outcome *outcome, const struct qf_error *differs)
{
    bool same = differs->status == QF_OK;
    struct qf_slice hash =
        qf_arena_copy(&remote->arena, qf_slice_make(outcome->hash, QF_DECISION_HASH_SIZE));
    if (request->json) {
        struct qf_error why = {0};
        *out = qf_json_make_object();
        struct qf_json full = qf_case_explain(remote, record, revealed, &why);
        qf_json_put(&remote->arena, out, "decision", *qf_json_get(record, "decision"));
        qf_json_put(&remote->arena, out, "inputs", *qf_json_get(&full, "inputs"));
        qf_json_put(&remote->arena, out, "outcome", outcome->value);
        qf_json_put(&remote->arena, out, "recorded", *qf_json_get(record, "trace"));
        qf_json_put(&remote->arena, out, "rules", *qf_json_get(&full, "rules"));
        qf_json_put(&remote->arena, out, "same", qf_json_make_bool(same));
        qf_json_put(&remote->arena, out, "time", *qf_json_get(record, "time"));
        qf_json_put(&remote->arena, out, "trace", qf_json_make_slice(hash));
        qf_json_put(&remote->arena, out, "version", *qf_json_get(&full, "version"));
        return;
    }
    printf(QF_CASE_SAY(remote,
                       "%s: %s, decided %s\n  outcome   %s\n  trace     %.*s\n  recorded  %s\n",
                       "%s：%s，判定于 %s\n  结果      %s\n  痕迹      %.*s\n  账本所记  %s\n"),
           same ? QF_CASE_SAY(remote, "same", "结果相同")
                : QF_CASE_SAY(remote, "different", "结果不同"),
           qf_remote_value(remote, qf_json_get(record, "decision")),
           qf_remote_time(remote, qf_json_get(record, "time")->integer),
           qf_remote_value(remote, &outcome->value), QF_SLICE_ARGS(hash),
           qf_remote_value(remote, qf_json_get(record, "trace")));
    if (!same)
        printf("  %s\n", differs->detail);
    qf_case_print_decision(remote, record, revealed);
}

/* QF_INVALID, told: it is different. */
static enum qf_status one(struct qf_remote *remote, const struct qf_decision_request *request,
                          struct qf_json *out, const struct qf_json *record,
                          const struct qf_json *revealed, struct qf_error *err)
{
    struct qf_service_outcome outcome;
    struct qf_buf text = {0};
    enum qf_status status = qf_remote_decision(remote, record, err);
    if (status != QF_OK)
        return status;
    status = qf_service_replay(remote->model, &remote->arena, &text, &outcome, record,
                               request->inputs != NULL ? revealed : NULL,
                               qf_slice_of(QF_SERVICE_ZONE), err);
    qf_buf_deinit(&text);
    /* Without a trace it is a value that is not the one that was sealed. */
    if (status == QF_OK || (status == QF_INVALID && outcome.trace.size > 0))
        print(remote, request, out, record, revealed, &outcome, err);
    else if (status == QF_INVALID)
        (void)qf_cli_error(err);
    return status;
}

/* What cannot be told of one decision (values that are sealed) does not keep the others from it. */
static enum qf_status all(struct qf_remote *remote, const struct qf_decision_request *request,
                          const struct qf_json *decisions, const struct qf_json *revealed,
                          struct qf_error *err)
{
    struct qf_json items = qf_json_make_array(), out = qf_json_make_object();
    enum qf_status worst = QF_OK;
    for (uint32_t i = 0; i < decisions->count; i++) {
        struct qf_json item = qf_json_make_object();
        struct qf_error why = {0};
        enum qf_status status = one(remote, request, &item, &decisions->items[i], revealed, &why);
        if (status == QF_CANNOT_TELL) {
            fprintf(stderr, "qifeng: decision %u of %u: %s: %s\n", i + 1, decisions->count,
                    why.field, why.detail);
        } else if (status != QF_OK && status != QF_INVALID) {
            *err = why;
            return status;
        }
        if (status == QF_INVALID || (status == QF_CANNOT_TELL && worst == QF_OK)) {
            worst = status;
            *err = why;
        }
        if (item.count > 0)
            qf_json_append(&remote->arena, &items, item);
    }
    qf_json_put(&remote->arena, &out, "items", items);
    if (request->json)
        qf_cli_print_json(&out);
    else
        printf(QF_CASE_SAY(remote, "%u decisions\n", "共 %u 项判定\n"), decisions->count);
    return worst;
}

static enum qf_status again(struct qf_remote *remote, const struct qf_decision_request *request,
                            const struct qf_json *found, struct qf_error *err)
{
    struct qf_json revealed, out = qf_json_make_object();
    const struct qf_json *decisions = qf_json_get(found, "decisions");
    enum qf_status status = qf_remote_revealed(remote, &revealed, request->inputs, err);
    if (status != QF_OK)
        return status;
    const struct qf_json *record = wanted(decisions, request->decision);
    if (record == NULL)
        return request->decision == NULL
                   ? qf_fail(err, QF_NOT_FOUND, "CASE", "no decision was made in this case")
                   : qf_fail(err, QF_NOT_FOUND, "--decision",
                             "the case has no decision %.60s; qifeng case decisions lists them",
                             request->decision);
    if (request->all)
        return all(remote, request, decisions, &revealed, err);
    status = one(remote, request, &out, record, &revealed, err);
    if (request->json && out.count > 0)
        qf_cli_print_json(&out);
    return status;
}

enum qf_status qf_decision_replay(struct qf_remote *remote,
                                  const struct qf_decision_request *request, const char *id,
                                  struct qf_error *err)
{
    struct qf_json found;
    enum qf_status status = qf_remote_case(remote, &found, id, err);
    return status == QF_OK ? again(remote, request, &found, err) : status;
}

/* ---- from a bundle ---- */

/* The case that the bundle proves; with `id` (may be NULL) that one. */
static enum qf_status case_in(struct qf_remote *remote, struct qf_json *found, const char *id,
                              struct qf_error *err)
{
    static const char prefix[] = "service/case/";
    const size_t size = sizeof prefix - 1;
    const struct qf_json *item = NULL;
    struct qf_slice key = {NULL, 0}, value, service, version;
    for (uint32_t i = 0; i < remote->records->count && item == NULL; i++) {
        key = qf_json_text(qf_json_get(&remote->records->items[i], "key"));
        if (key.size > size && memcmp(key.data, prefix, size) == 0 &&
            (id == NULL || qf_slice_is(qf_slice_make(key.data + size, key.size - size), id)))
            item = &remote->records->items[i];
    }
    if (item == NULL)
        return qf_fail(err, QF_CANNOT_TELL, "records",
                       "the bundle has no %s; fetch it with qifeng bundle --case",
                       id != NULL ? "such case" : "case");
    enum qf_status status = qf_json_get_text(item, "value", &value, err);
    if (status == QF_OK)
        status = qf_json_parse(&remote->arena, found, value, QF_JSON_ANY, err);
    if (status == QF_OK)
        status = qf_json_get_text(found, "service", &service, err);
    if (status == QF_OK)
        status = qf_json_get_text(found, "version", &version, err);
    if (status != QF_OK)
        return status;
    remote->version = version;
    return qf_remote_service(remote, service, version, err);
}

static enum qf_status verified(struct qf_arena *arena, const struct qf_decision_request *request,
                               struct qf_verifier **verifier, struct qf_bundle_report *report,
                               struct qf_error *err)
{
    const struct qf_verifier_options options = {0};
    struct qf_note_key *keys = QF_ARENA_ARRAY(arena, struct qf_note_key, QF_CLI_KEYS_MAX);
    struct qf_bundle_trust trust = {.log_keys = keys};
    struct qf_slice file;
    enum qf_status status = qf_cli_verifier_keys(request->log_keys, QF_NOTE_ED25519, "--log-key",
                                                 keys, &trust.log_key_count, err);
    if (status == QF_OK && request->trust != NULL)
        status = qf_cli_read(arena, request->trust, QF_STATE_VALUE_SIZE_MAX, &trust.genesis, err);
    if (status == QF_OK)
        status = qf_cli_read(arena, request->bundle, QF_BUNDLE_SIZE_MAX, &file, err);
    if (status == QF_OK)
        status = qf_verifier_new(verifier, &options, err);
    if (status != QF_OK)
        return status;
    if (file.size > 0 && file.data[file.size - 1] == '\n')
        file.size--;
    status = qf_bundle_verify(arena, file, &trust, *verifier, report, err);
    if (status == QF_OK && report->records == NULL)
        status = qf_fail(err, QF_CANNOT_TELL, "records",
                         "is the bundle of a transaction alone; fetch the case's with qifeng "
                         "bundle --case");
    return status;
}

enum qf_exit qf_decision_replay_file(const struct qf_decision_request *request, const char *id)
{
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    struct qf_verifier *verifier = NULL;
    struct qf_bundle_report report;
    struct qf_remote remote = {0};
    struct qf_json found;
    enum qf_status status = verified(&arena, request, &verifier, &report, &err);
    bool told = false;
    if (status == QF_OK)
        status = qf_remote_offline(&remote, report.records, request->lang, &err);
    if (status == QF_OK)
        status = case_in(&remote, &found, id, &err);
    if (status == QF_OK && !report.trusted)
        fprintf(stderr,
                "qifeng: the genesis document is the bundle's own (%s): compare it with the "
                "network's, or use --trust\n",
                report.genesis_hash);
    if (status == QF_OK) {
        status = again(&remote, request, &found, &err);
        told = status == QF_INVALID;
    }
    qf_remote_close(&remote);
    qf_verifier_free(verifier);
    qf_arena_deinit(&arena);
    if (status == QF_OK)
        return QF_EXIT_OK;
    return told ? QF_EXIT_REFUSED : qf_cli_error(&err);
}
