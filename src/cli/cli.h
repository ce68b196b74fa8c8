/* The frame of the command line: tables of commands and options, help, exit codes, output.
 *
 * A command is one file with one function and one row in main.c. Exit status: 0 done, or valid; 1
 * refused, or not valid; 2 wrong usage; 3 the environment failed; 4 cannot tell (spec/cli.md). */
#ifndef QF_CLI_CLI_H
#define QF_CLI_CLI_H

#include "base/buf.h"
#include "codec/json.h"
#include "crypto/key.h"

enum qf_exit {
    QF_EXIT_OK = 0,
    QF_EXIT_REFUSED = 1,
    QF_EXIT_USAGE = 2,
    QF_EXIT_ENVIRONMENT = 3,
    QF_EXIT_CANNOT_TELL = 4,
};

struct qf_cli_option {
    const char *name;  /* "--listen" */
    const char *value; /* what the help calls its value ("HOST:PORT"); NULL: a flag */
    const char *help;
    /* Where the value goes; the last one given stands, unless the value's name ends in "...": then
     * all do, a line each. */
    const char **text;
    bool *flag;
};

/* What an error of this status means for the exit code. */
enum qf_exit qf_cli_exit(enum qf_status status);

/* "qifeng: field: detail (cure)" on standard error; returns the exit code. Where --json was given
 * and no document was printed yet, {"problem":...} is the one on standard output. */
enum qf_exit qf_cli_error(const struct qf_error *err);
/* The last step of every command: `code`, or QF_EXIT_ENVIRONMENT where it says that all went well
 * but standard output could not be written. */
enum qf_exit qf_cli_finish(int code);
enum qf_exit qf_cli_usage(const char *fmt, ...) QF_PRINTF(1, 2);

struct qf_cli_help {
    const char *usage;    /* "qifeng node DIR [options]" */
    const char *about;    /* a sentence or two */
    const char *examples; /* lines, indented as they are printed */
};

/* Takes options out of argv (they may stand anywhere; "--" ends them; "--name=value" works). On
 * success *count is the number of positional arguments, now argv[0..count). `--help` prints the
 * help and gives *done with exit code 0. */
QF_MUST_CHECK bool qf_cli_parse(const struct qf_cli_help *help, const struct qf_cli_option *options,
                                size_t option_count, int argc, char **argv, int *count,
                                enum qf_exit *code);

/* Hands the tables behind a command's --help to `take` instead of printing them. */
typedef void qf_cli_take_fn(void *arg, const struct qf_cli_help *help,
                            const struct qf_cli_option *options, size_t option_count);
struct qf_cli_command;
void qf_cli_collect(const struct qf_cli_command *command, qf_cli_take_fn *take, void *arg);

/* Passphrase of key files: from the file given, or named by QIFENG_PASSPHRASE_FILE. *none: neither
 * was given. The text is in the arena; wipe it after use. */
QF_MUST_CHECK enum qf_status qf_cli_passphrase(struct qf_arena *arena, const char *file,
                                               struct qf_slice *out, bool *none,
                                               struct qf_error *err);

/* A whole file ("-": standard input) of at most `size_max` bytes. */
QF_MUST_CHECK enum qf_status qf_cli_read(struct qf_arena *arena, const char *path, size_t size_max,
                                         struct qf_slice *out, struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_cli_write(const char *path, struct qf_slice bytes,
                                          struct qf_error *err);

/* One JSON document on standard output, canonical, with a newline. */
void qf_cli_print_json(const struct qf_json *value);

/* Progress on standard error for what takes longer than two seconds; silent when that is no
 * terminal unless QIFENG_PROGRESS is set. `total` 0: unknown. */
struct qf_cli_progress {
    const char *what;
    uint64_t total;
    int64_t started_ms, shown_ms;
};
void qf_cli_progress_start(struct qf_cli_progress *progress, const char *what, uint64_t total);
void qf_cli_progress_show(struct qf_cli_progress *progress, uint64_t done);
void qf_cli_progress_end(struct qf_cli_progress *progress, uint64_t done);

struct qf_cli_command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* arguments after the command's name */
};
extern const struct qf_cli_command qf_cli_commands[];
extern const size_t qf_cli_command_count;

/* Whether a node serves the folder: it holds a lock on it as long as it runs. */
bool qf_cli_node_runs(const char *dir);

struct qf_node;
/* Signals that stop a server are taken by qf_cli_serve alone: block them before threads start. */
void qf_cli_block_signals(void);
/* Waits for SIGTERM or SIGINT, or until the node halts; returns the exit code. A node that ran out
 * of space stays and answers what is read until its folder `dir` (NULL: it ends) has some again;
 * then QF_CLI_AGAIN: the caller stops it and starts it anew. */
#define QF_CLI_AGAIN (-1)
int qf_cli_serve(struct qf_node *node, const char *dir);

/* A key file (encrypted or not) or a pkcs11: URI. */
QF_MUST_CHECK enum qf_status qf_cli_load_key(struct qf_private_key **out, const char *path,
                                             const char *passphrase_file, struct qf_error *err);

int qf_cmd_bench(int argc, char **argv);
int qf_cmd_archive(int argc, char **argv);
int qf_cmd_audit(int argc, char **argv);
int qf_cmd_bundle(int argc, char **argv);
int qf_cmd_case(int argc, char **argv);
int qf_cmd_completion(int argc, char **argv);
int qf_cmd_decision(int argc, char **argv);
int qf_cmd_demo(int argc, char **argv);
int qf_cmd_doctor(int argc, char **argv);
int qf_cmd_evidence(int argc, char **argv);
int qf_cmd_import(int argc, char **argv);
int qf_cmd_init(int argc, char **argv);
int qf_cmd_key(int argc, char **argv);
int qf_cmd_node(int argc, char **argv);
int qf_cmd_service(int argc, char **argv);
int qf_cmd_stamp(int argc, char **argv);
int qf_cmd_task(int argc, char **argv);
int qf_cmd_tx(int argc, char **argv);
int qf_cmd_verify(int argc, char **argv);
int qf_cmd_witness(int argc, char **argv);
int qf_cmd_webhook(int argc, char **argv);
int qf_cmd_xes(int argc, char **argv);

#endif
