/* qifeng service: what its parts share. */
#ifndef QF_CLI_SERVICE_H
#define QF_CLI_SERVICE_H

#include "cli/remote.h"
#include "service/folder.h"

struct qf_service_request {
    const char *node, *key, *passphrase_file, *proposal, *lang, *only, *from, *to, *version;
    bool json, wait, yes, no;
};

enum qf_exit qf_service_cli_check(const struct qf_service_request *request, const char *dir);
enum qf_exit qf_service_cli_test(const struct qf_service_request *request, const char *dir);
enum qf_exit qf_service_cli_deploy(const struct qf_service_request *request, const char *dir);
/* Proposes `verb`: suspend, resume, retire or migrate. */
enum qf_exit qf_service_cli_change(const struct qf_service_request *request, const char *verb,
                                   const char *id);
enum qf_exit qf_service_cli_vote(const struct qf_service_request *request, const char *proposal);
enum qf_exit qf_service_cli_list(const struct qf_service_request *request);
enum qf_exit qf_service_cli_show(const struct qf_service_request *request, const char *id);

/* Writes the package of a proposal, or of a service (request->version, else the current one), as a
 * folder that is not there yet. */
enum qf_exit qf_service_cli_fetch(const struct qf_service_request *request, const char *name,
                                  const char *dir);

/* Puts the package of a ready folder onto the ledger, proposes it and votes for it. */
QF_MUST_CHECK enum qf_status
qf_service_cli_put(struct qf_remote *remote, const struct qf_folder *folder, struct qf_error *err);

/* Reads and inspects; QF_REFUSED with the first error when it is not ready. The caller releases the
 * folder in any case. */
QF_MUST_CHECK enum qf_status qf_service_cli_ready(struct qf_folder *folder, const char *dir,
                                                  struct qf_error *err);

#endif
