#include "cli/stamps.h"

#include <string.h>

#include "cli/cli.h"

#define GENESIS_SIZE_MAX (4u << 20)

/* What the node itself believes in (docs/OPERATIONS.md). */
static const char *roots_of(const struct qf_config *config)
{
    const struct qf_config_stamps *stamps = &config->stamps;
    if (stamps->tsa == NULL || stamps->ca != NULL)
        return stamps->ca;
    return config->tsa.chain != NULL ? config->tsa.chain : config->tsa.certificate;
}

enum qf_status qf_cli_stamps_open(struct qf_cli_stamps *out, const char *dir, const char *tsa_ca,
                                  struct qf_error *err)
{
    struct qf_slice text;
    struct qf_slice network;
    struct qf_json genesis;
    *out = (struct qf_cli_stamps){0};
    enum qf_status status =
        qf_cli_read(&out->arena, qf_arena_printf(&out->arena, "%s/genesis.json", dir),
                    GENESIS_SIZE_MAX, &text, err);
    if (status == QF_OK)
        status = qf_json_parse(&out->arena, &genesis, text, QF_JSON_ANY, err);
    if (status == QF_OK)
        status = qf_json_get_text(&genesis, "network", &network, err);
    if (status == QF_OK && network.size > QF_ID_SIZE_MAX)
        status = qf_fail(err, QF_MALFORMED, "network", "is longer than an id may be");
    if (status == QF_OK)
        status = qf_config_load(&out->arena, &out->config, dir, err);
    if (status == QF_OK && tsa_ca != NULL)
        status = qf_cli_roots_load(&out->roots, tsa_ca, err);
    /* A copy of the folder elsewhere need not have the node's; then they are not checked. */
    else if (status == QF_OK &&
             qf_cli_roots_load(&out->roots, roots_of(&out->config), NULL) != QF_OK)
        out->roots = (struct qf_cli_roots){0};
    if (status == QF_OK)
        status = qf_fs_posix_init(&out->log, qf_arena_printf(&out->arena, "%s/log", dir), err);
    if (status == QF_OK)
        status = qf_stamps_open(&out->stamps, &out->log, network, err);
    return status;
}

void qf_cli_stamps_close(struct qf_cli_stamps *stamps)
{
    qf_stamps_close(stamps->stamps);
    if (stamps->log.self != NULL)
        qf_fs_posix_deinit(&stamps->log);
    qf_cli_roots_free(&stamps->roots);
    qf_arena_deinit(&stamps->arena);
}
