/* A file system in memory that loses, tears and refuses, for tests and for the simulation engine.
 *
 * Model: every file and every folder entry has a durable state and a list of changes since. A sync
 * of a file makes its contents durable, a sync of a folder the entries in it, sync_all everything.
 * A crash keeps of the changes not synced some and loses others: writes whole, not at all, or in
 * sectors of 512 bytes; entries one by one, or up to some point in order. What it keeps is decided
 * by the seed alone, so a run can be repeated.
 *
 * Faults are set for the n-th changing call from now (1 is the next): opening with creation,
 * writing, syncing, truncating, renaming, removing, making folders.
 *
 * Threads: any; a mutex guards everything. Limits: those of memory. */
#ifndef QF_STORE_SIM_FS_H
#define QF_STORE_SIM_FS_H

#include "base/io.h"

struct qf_sim_fs;

enum qf_sim_fault {
    QF_SIM_LOST,     /* reported as failed, and nothing happened; a sync may lose the data */
    QF_SIM_DONE,     /* reported as failed, but it happened */
    QF_SIM_TORN,     /* a write wrote some of its sectors; other calls as QF_SIM_LOST */
    QF_SIM_NO_SPACE, /* QF_NO_SPACE; a write wrote its beginning */
    QF_SIM_DEAD,     /* from this call on nothing happens and all fails, until qf_sim_fs_crash */
};
#define QF_SIM_FAULT_COUNT 5

/* NULL when memory runs out. */
struct qf_sim_fs *qf_sim_fs_new(uint64_t seed);
/* Requires that no file is open. */
void qf_sim_fs_free(struct qf_sim_fs *fs);

/* The interface; valid until qf_sim_fs_free. */
struct qf_fs qf_sim_fs_io(struct qf_sim_fs *fs);

void qf_sim_fs_fail_at(struct qf_sim_fs *fs, uint64_t n, enum qf_sim_fault fault);
/* Takes a fault back that has not come yet. */
void qf_sim_fs_heal(struct qf_sim_fs *fs);
/* Changing calls so far. */
uint64_t qf_sim_fs_calls(struct qf_sim_fs *fs);
/* Whether the fault that was set has come. */
bool qf_sim_fs_failed(struct qf_sim_fs *fs);

/* The power goes off and on again. Files opened before must have been closed. */
void qf_sim_fs_crash(struct qf_sim_fs *fs);

/* Only the process ended: nothing is lost, and calls happen again. */
void qf_sim_fs_revive(struct qf_sim_fs *fs);

#endif
