/* Who is at the other end of a TLS connection: a client certificate that leads to the certification
 * authority of a member in good standing, as the ledger has it now, or to configured roots. */
#include "api/api.h"
#include "codec/text.h"
#include "crypto/x509.h"
#include "kernel/query.h"

/* Whether `root` is named as the issuer of the last certificate that was shown. */
static bool is_issuer(const struct qf_x509 *root, const struct qf_x509 *leaf,
                      const struct qf_x509_path *path)
{
    struct qf_x509_info last;
    struct qf_x509_info named;
    qf_x509_read(path->intermediate_count == 0 ? leaf
                                               : path->intermediates[path->intermediate_count - 1],
                 &last);
    qf_x509_read(root, &named);
    return strcmp(last.issuer, named.subject) == 0;
}

/* *reason: what is wrong with it, where this member's authority is the issuer that it names. */
static bool chains_to_member(const struct qf_x509 *leaf, const struct qf_json *member,
                             struct qf_x509_path *path, struct qf_error *reason)
{
    const struct qf_json *ca = qf_json_get(member, "ca");
    uint8_t der[QF_CERT_SIZE_MAX];
    size_t size = 0;
    struct qf_x509 *root;
    if (ca == NULL || !qf_json_is_text(qf_json_get(member, "status"), "active") ||
        (size_t)ca->count / 4 * 3 > sizeof der || !qf_base64_decode(der, &size, qf_json_text(ca)) ||
        qf_x509_import(&root, qf_slice_make(der, size), NULL) != QF_OK)
        return false;
    path->roots = (const struct qf_x509 *const[]){root};
    path->root_count = 1;
    struct qf_error problem = {0};
    enum qf_status status = qf_x509_verify(leaf, path, &problem);
    if (status != QF_OK && is_issuer(root, leaf, path))
        *reason = problem;
    qf_x509_free(root);
    return status == QF_OK;
}

static enum qf_status find_member(struct qf_api *api, const struct qf_x509 *leaf,
                                  struct qf_x509_path *path, struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_ledger_view view;
    struct qf_query_page page = {.limit = QF_PAGE_ITEMS_MAX};
    struct qf_error reason = {0};
    bool found = false;
    bool more = true;
    qf_ledger_view_init(&view, api->options.ledger, &arena);
    while (!found && more) {
        struct qf_json ids = qf_query_list(&view.reader, &arena, QF_LIST_MEMBERS, &page);
        for (uint32_t i = 0; i < ids.count && !found; i++) {
            struct qf_json member;
            page.after = qf_json_text(&ids.items[i]);
            found = qf_query_member(&view.reader, &arena, &member, page.after) &&
                    chains_to_member(leaf, &member, path, &reason);
        }
        more = ids.count == page.limit;
    }
    qf_ledger_view_deinit(&view);
    qf_arena_deinit(&arena);
    if (found)
        return QF_OK;
    return qf_fail(err, QF_FORBIDDEN, "client certificate", "%s",
                   reason.detail[0] != '\0'
                       ? reason.detail
                       : "it leads to no active member's certification authority");
}

enum qf_status qf_api_check_client(void *context, const struct qf_slice *chain, size_t count,
                                   struct qf_error *err)
{
    struct qf_api *api = context;
    struct qf_x509 *certs[QF_CERT_CHAIN_MAX] = {0};
    enum qf_status status = QF_OK;
    if (count == 0)
        return api->options.clients_required
                   ? qf_fail(err, QF_UNAUTHENTICATED, "client certificate",
                             "this node answers only to clients that show one")
                   : QF_OK;
    if (count > QF_CERT_CHAIN_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "client certificate", "at most %d in a chain",
                       QF_CERT_CHAIN_MAX);
    for (size_t i = 0; i < count && status == QF_OK; i++)
        status = qf_x509_import(&certs[i], chain[i], err);
    struct qf_x509_path path = {.intermediates = (const struct qf_x509 *const *)&certs[1],
                                .intermediate_count = count - 1,
                                .roots = api->options.client_roots,
                                .root_count = api->options.client_root_count,
                                .at_ms = api->options.clock.now_ms(api->options.clock.self),
                                .use = QF_X509_TLS_CLIENT};
    if (status == QF_OK && path.root_count > 0) {
        struct qf_error reason = {0};
        if (qf_x509_verify(certs[0], &path, &reason) != QF_OK)
            status = qf_fail(err, QF_FORBIDDEN, "client certificate", "%s", reason.detail);
    } else if (status == QF_OK) {
        status = find_member(api, certs[0], &path, err);
    }
    for (size_t i = 0; i < count; i++)
        qf_x509_free(certs[i]);
    return status;
}
