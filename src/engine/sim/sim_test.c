/* qifeng-sim: the simulation over real ledgers, each with a simulated disk for journal and log.
 * Usage: qifeng-sim --seeds A..B [--suite intl|gm] [--services] [--verbose]. A failing seed is
 * printed; the same seed fails again in the same way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/ledger/app.h"
#include "engine/ledger/testing.h"
#include "engine/sim/sim.h"
#include "store/sim_fs.h"

#define REPLICAS_MAX 4
#define SEGMENT (64u << 10)

struct disk {
    struct qf_sim_fs *sim;
    struct qf_fs fs;
    char dir[128];
    struct qf_ledger *ledger;
    struct qf_ledger_app app;
    unsigned starts;
};

struct cluster {
    struct qf_ledger_testing testing;
    struct qf_private_key *note_key;
    struct disk disks[REPLICAS_MAX];
    uint64_t random; /* of faults; the stream's own is in testing */
    bool services;   /* the stream is about services */
};

static uint64_t pick(struct cluster *cluster, uint64_t below)
{
    cluster->random = cluster->random * 6364136223846793005u + 1442695040888963407u;
    return (cluster->random >> 33) % below;
}

/* Some day a call will be the last one of this process, or fail. */
static void arm(struct cluster *cluster, struct disk *disk)
{
    static const enum qf_sim_fault faults[] = {QF_SIM_DEAD,    QF_SIM_DEAD, QF_SIM_DEAD,
                                               QF_SIM_LOST,    QF_SIM_TORN, QF_SIM_DONE,
                                               QF_SIM_NO_SPACE};
    if (pick(cluster, 3) == 0)
        qf_sim_fs_fail_at(disk->sim, 1 + pick(cluster, 120), faults[pick(cluster, 7)]);
}

static enum qf_status start(void *self, unsigned replica, struct qf_app *app, uint64_t *height,
                            uint8_t app_hash[QF_HASH_SIZE])
{
    struct cluster *cluster = self;
    struct disk *disk = &cluster->disks[replica];
    const struct qf_ledger_options options = {.dir = disk->dir,
                                              .verifier = cluster->testing.verifier,
                                              .fs = &disk->fs,
                                              .no_sync = true,
                                              .segment_size = SEGMENT,
                                              .keep_refused_intake = true};
    struct qf_error err = {0};
    qf_sim_fs_heal(disk->sim);
    if (disk->starts++ < 6)
        arm(cluster, disk);
    enum qf_status status = qf_ledger_open(&disk->ledger, &options, &err);
    if (status != QF_OK) {
        disk->ledger = NULL;
        if (qf_sim_fs_failed(disk->sim))
            return QF_UNAVAILABLE;
        fprintf(stderr, "replica %u: %s: %s\n", replica, err.field, err.detail);
        return status;
    }
    struct qf_ledger_head head;
    qf_ledger_head(disk->ledger, &head);
    *height = head.height;
    memcpy(app_hash, head.app_hash, QF_HASH_SIZE);
    qf_ledger_app_init(&disk->app, disk->ledger);
    qf_ledger_app_table(&disk->app, app);
    return QF_OK;
}

static void crash(void *self, unsigned replica)
{
    struct cluster *cluster = self;
    struct disk *disk = &cluster->disks[replica];
    if (disk->ledger != NULL) {
        qf_ledger_app_deinit(&disk->app);
        qf_ledger_abandon(disk->ledger);
        disk->ledger = NULL;
    }
    if (pick(cluster, 3) == 0)
        qf_sim_fs_revive(disk->sim);
    else
        qf_sim_fs_crash(disk->sim);
}

static enum qf_status idle(void *self, unsigned replica)
{
    struct cluster *cluster = self;
    const struct qf_note_signer signer = {.name = qf_slice_of("test/a"), .key = cluster->note_key};
    return qf_ledger_keep(cluster->disks[replica].ledger, &signer);
}

static struct qf_slice next(void *self, int64_t now_ms)
{
    struct cluster *cluster = self;
    return cluster->services ? qf_ledger_testing_next_service(&cluster->testing, now_ms)
                             : qf_ledger_testing_next(&cluster->testing, now_ms);
}

/* Every other seed runs over the end of a day in the network's zone, when deadlines pass. */
static int64_t start_of(uint64_t seed)
{
    const int64_t day_end_ms = 16 * 3600000;
    return QF_LEDGER_TESTING_TIME_MS + (seed % 2 == 0 ? 0 : day_end_ms - 1200);
}

static enum qf_status run_seed(struct cluster *cluster, uint64_t seed, struct qf_sim_report *report,
                               struct qf_error *err)
{
    const struct qf_sim_options options = {.seed = seed,
                                           .replicas = 2 + (unsigned)(seed % (REPLICAS_MAX - 1)),
                                           .blocks = 6 + (unsigned)(seed % 17),
                                           .start_ms = start_of(seed)};
    const struct qf_sim_world world = {.start = start,
                                       .crash = crash,
                                       .idle = idle,
                                       .next = next,
                                       .rules = &cluster->testing.world->rules,
                                       .self = cluster};
    qf_ledger_testing_seed(&cluster->testing, seed);
    cluster->random = seed;
    for (unsigned i = 0; i < options.replicas; i++) {
        struct disk *disk = &cluster->disks[i];
        char name[16];
        snprintf(name, sizeof name, "replica-%u", i);
        qf_ledger_testing_folder(&cluster->testing, disk->dir, name);
        disk->sim = qf_sim_fs_new(seed * REPLICAS_MAX + i);
        disk->fs = qf_sim_fs_io(disk->sim);
        disk->starts = 0;
    }
    enum qf_status status = qf_sim_run(&world, &options, report, err);
    for (unsigned i = 0; i < options.replicas; i++)
        qf_sim_fs_free(cluster->disks[i].sim);
    return status;
}

static void add(struct qf_sim_report *sum, const struct qf_sim_report *report)
{
    sum->txs += report->txs;
    sum->accepted += report->accepted;
    sum->crashes += report->crashes;
    sum->lost += report->lost;
    sum->doubled += report->doubled;
    sum->late += report->late;
    sum->time_blocks += report->time_blocks;
    for (int i = 0; i <= QF_STATUS_REFUSAL_MAX; i++)
        sum->codes[i] += report->codes[i];
}

static void print(const struct qf_sim_report *sum)
{
    printf("%llu transactions, %llu accepted, %llu crashes; messages: %llu lost, %llu doubled, "
           "%llu out of order; %llu blocks of time alone\nresults:",
           (unsigned long long)sum->txs, (unsigned long long)sum->accepted,
           (unsigned long long)sum->crashes, (unsigned long long)sum->lost,
           (unsigned long long)sum->doubled, (unsigned long long)sum->late,
           (unsigned long long)sum->time_blocks);
    for (int i = 0; i <= QF_STATUS_REFUSAL_MAX; i++)
        if (sum->codes[i] > 0)
            printf(" %s %llu", qf_status_name((enum qf_status)i),
                   (unsigned long long)sum->codes[i]);
    printf("\n");
}

struct arguments {
    unsigned long long from, to;
    enum qf_suite suite;
    bool services, verbose;
};

static bool parse(struct arguments *out, int argc, char **argv)
{
    *out = (struct arguments){.from = 1, .suite = QF_SUITE_INTL};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--services") == 0)
            out->services = true;
        else if (strcmp(argv[i], "--verbose") == 0)
            out->verbose = true;
        else if (strcmp(argv[i], "--seeds") == 0 &&
                 sscanf(value, "%llu..%llu", &out->from, &out->to) == 2) /* NOLINT(cert-err34-c) */
            i++;
        else if (strcmp(argv[i], "--suite") == 0 &&
                 (strcmp(value, "gm") == 0 || strcmp(value, "intl") == 0))
            out->suite = strcmp(argv[++i], "gm") == 0 ? QF_SUITE_GM : QF_SUITE_INTL;
        else
            return false;
    }
    return out->from <= out->to;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    if (!parse(&arguments, argc, argv)) {
        fprintf(stderr, "usage: qifeng-sim --seeds A..B [--suite intl|gm] [--services] "
                        "[--verbose]\n");
        return 2;
    }
    static struct cluster cluster;
    cluster.services = arguments.services;
    qf_ledger_testing_init(&cluster.testing, arguments.suite);
    if (qf_private_key_generate(&cluster.note_key, QF_ALG_EDDSA, NULL) != QF_OK)
        return 3;
    struct qf_sim_report sum = {0};
    int result = 0;
    unsigned long long seed = arguments.from;
    for (; seed <= arguments.to && result == 0; seed++) {
        struct qf_sim_report report;
        struct qf_error err = {0};
        if (run_seed(&cluster, seed, &report, &err) != QF_OK) {
            printf("%s\nagain with: qifeng-sim --seeds %llu..%llu%s%s\n", err.detail, seed, seed,
                   arguments.suite == QF_SUITE_GM ? " --suite gm" : "",
                   cluster.services ? " --services" : "");
            result = 1;
        } else if (arguments.verbose) {
            printf("seed %llu ", seed);
            for (int i = 0; i < QF_HASH_SIZE; i++)
                printf("%02x", report.app_hash[i]);
            printf(" %llu crashes\n", (unsigned long long)report.crashes);
        }
        if (result == 0)
            add(&sum, &report);
    }
    printf("suite %s, seeds %llu..%llu: ", qf_suite_name(arguments.suite), arguments.from,
           seed - 1);
    print(&sum);
    qf_private_key_free(cluster.note_key);
    qf_ledger_testing_deinit(&cluster.testing);
    return result;
}
