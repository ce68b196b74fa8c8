/* Texts of others on a terminal. What stands on a ledger, in a file or in an answer may hold what a
 * terminal takes for commands, shows in another order than it stands in, or takes for a line of
 * ours. */
#ifndef QF_CLI_TERMINAL_H
#define QF_CLI_TERMINAL_H

#include "base/arena.h"
#include "base/slice.h"

/* The text as it may be shown within a line: control characters, ends of lines among them, marks
 * that turn the direction of what follows, and what is no character are each U+FFFD. In the arena.
 */
struct qf_slice qf_cli_shown(struct qf_arena *arena, struct qf_slice text);

/* Lets standard output go through the same, but for ends of lines and tabs, when it is a terminal.
 * Once, before anything is printed. */
void qf_cli_guard_terminal(void);

#endif
