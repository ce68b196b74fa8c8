#include "cli/roots.h"

#include <stdio.h>
#include <time.h>

#include "base/io.h"
#include "cli/cli.h"

enum qf_status qf_cli_roots_load(struct qf_cli_roots *out, const char *path, struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_slice pem;
    *out = (struct qf_cli_roots){0};
    if (path == NULL)
        return QF_OK;
    enum qf_status status =
        qf_cli_read(&arena, path, (size_t)QF_CERT_CHAIN_MAX * QF_CERT_SIZE_MAX, &pem, err);
    if (status == QF_OK) {
        status = qf_x509_import_chain(out->certificates, &out->count, pem, err);
        if (status != QF_OK)
            qf_error_within(err, "%.60s", path);
    }
    qf_arena_deinit(&arena);
    return status;
}

void qf_cli_roots_free(struct qf_cli_roots *roots)
{
    while (roots->count > 0)
        qf_x509_free(roots->certificates[--roots->count]);
}

struct qf_stamp_trust qf_cli_roots_trust(const struct qf_cli_roots *roots)
{
    struct qf_clock clock = qf_clock_system();
    return (struct qf_stamp_trust){(const struct qf_x509 *const *)roots->certificates, roots->count,
                                   clock.now_ms(clock.self)};
}

void qf_cli_time_text(char out[64], int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    char date[32];
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &parts);
    snprintf(out, 64, "%s.%03d UTC", date, (int)(time_ms % 1000));
}
