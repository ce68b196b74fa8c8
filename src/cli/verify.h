/* What the commands that verify files share. */
#ifndef QF_CLI_VERIFY_H
#define QF_CLI_VERIFY_H

#include "engine/ledger/bundle.h"

#define QF_CLI_KEYS_MAX 64

/* Verifier keys of one kind, a line each, into keys[QF_CLI_KEYS_MAX]; `text` may be NULL. */
QF_MUST_CHECK enum qf_status qf_cli_verifier_keys(const char *text, enum qf_note_alg alg,
                                                  const char *option, struct qf_note_key *keys,
                                                  size_t *count, struct qf_error *err);

#endif
