/* Officials of an event log as actors on a ledger: each gets a key of his own, made where there is
 * none, which an admin brings in together with the roles that the official needs. Doing it again
 * changes nothing. */
#ifndef QF_CLI_OFFICIALS_H
#define QF_CLI_OFFICIALS_H

#include "cli/import_log.h"
#include "cli/sender.h"

struct qf_officials {
    struct qf_arena *arena;
    struct qf_sender *sender;   /* tells its caller of each registration, by the actor's place */
    const char *folder;         /* of the keys, made when absent; NULL: keys for this run only */
    struct qf_slice passphrase; /* of the key files; empty: plain */
    const struct qf_private_key *admin;
    struct qf_json (*roles)(void *self, const struct qf_import_actor *actor); /* array of texts */
    void *self;
    struct qf_slice member; /* out: the admin's */
    uint64_t keys_made;     /* out */
};

/* Gives every actor key and kid, and registers what is not on the ledger yet. What the node refused
 * is told to the sender's caller. */
QF_MUST_CHECK enum qf_status qf_officials_register(struct qf_officials *officials,
                                                   struct qf_import_actor *actors, size_t count,
                                                   struct qf_error *err);

#endif
