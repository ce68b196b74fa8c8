/* Completion and manual pages, printed from the tables by which the commands themselves read their
 * arguments. */
#include <stdio.h>

#include "cli/cli.h"

struct printing {
    const struct qf_cli_command *command;
};

/* Behind the next bar that stands by itself, also at the end of a line; NULL: there is none. */
static const char *next_alternative(const char *part)
{
    while ((part = strstr(part, " |")) != NULL) {
        part += 2;
        size_t space = strspn(part, " \n");
        if (space > 0)
            return part + space;
    }
    return NULL;
}

/* Whether a word stands in a list of them. */
static bool has_word(const char *list, const char *word, size_t size)
{
    for (const char *at = list; *at != '\0';) {
        size_t own = strcspn(at, " ");
        if (own == size && memcmp(at, word, size) == 0)
            return true;
        at += own + (at[own] == ' ');
    }
    return false;
}

/* The words that may follow the command: "check|eval", or the first word of each alternative. */
static void first_words(char *out, size_t size, const char *command, const char *usage)
{
    size_t used = 0;
    out[0] = '\0';
    for (const char *part = usage; part != NULL;) {
        if (strncmp(part, "qifeng ", 7) == 0)
            part += 7;
        size_t name = strlen(command);
        if (strncmp(part, command, name) == 0 && part[name] == ' ')
            part += name + 1;
        size_t word = strspn(part, "abcdefghijklmnopqrstuvwxyz|");
        if (word > 0 && (part[word] == ' ' || part[word] == '\0') && used + word + 2 < size &&
            !has_word(out, part, word)) {
            used += (size_t)snprintf(out + used, size - used, "%s%.*s", used > 0 ? " " : "",
                                     (int)word, part);
        }
        part = next_alternative(part);
    }
    for (char *c = out; *c != '\0'; c++)
        if (*c == '|')
            *c = ' ';
}

static bool is_file(const char *value)
{
    static const char *const names[] = {"FILE", "DIR", "FOLDER", "F", "GENESIS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(value, names[i]) == 0)
            return true;
    return strncmp(value, "FILE.", 5) == 0 || strncmp(value, "OUT.", 4) == 0;
}

/* "intl|gm": words to choose from. */
static bool is_choice(const char *value)
{
    return strchr(value, '|') != NULL && strchr(value, '/') == NULL;
}

static void put_choices(const char *value)
{
    for (const char *c = value; *c != '\0'; c++)
        putchar(*c == '|' ? ' ' : *c);
}

/* ---- bash ---- */

static void bash_values(void *arg, const struct qf_cli_help *help,
                        const struct qf_cli_option *options, size_t count)
{
    const struct printing *p = arg;
    (void)help;
    for (size_t i = 0; i < count; i++) {
        if (options[i].value == NULL)
            continue;
        printf("        '%s %s') ", p->command->name, options[i].name);
        if (is_file(options[i].value)) {
            printf("COMPREPLY=($(compgen -f -- \"$cur\"))");
        } else if (is_choice(options[i].value)) {
            printf("COMPREPLY=($(compgen -W '");
            put_choices(options[i].value);
            printf("' -- \"$cur\"))");
        } else {
            printf("COMPREPLY=()");
        }
        printf("; return ;;\n");
    }
}

static void bash_words(void *arg, const struct qf_cli_help *help,
                       const struct qf_cli_option *options, size_t count)
{
    const struct printing *p = arg;
    char words[256];
    first_words(words, sizeof words, p->command->name, help->usage);
    printf("        %s) words='%s' options='--help", p->command->name, words);
    for (size_t i = 0; i < count; i++)
        printf(" %s", options[i].name);
    printf("' ;;\n");
}

static void print_bash(void)
{
    struct printing p;
    printf("# bash completion for qifeng; written by `qifeng completion bash`\n"
           "_qifeng() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    local command=${COMP_WORDS[1]} words= options=\n"
           "    COMPREPLY=()\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        COMPREPLY=($(compgen -W '--help --version");
    for (size_t i = 0; i < qf_cli_command_count; i++)
        printf(" %s", qf_cli_commands[i].name);
    printf("' -- \"$cur\"))\n"
           "        return\n"
           "    fi\n"
           "    case \"$command $prev\" in\n");
    for (size_t i = 0; i < qf_cli_command_count; i++) {
        p.command = &qf_cli_commands[i];
        qf_cli_collect(p.command, bash_values, &p);
    }
    printf("    esac\n"
           "    case \"$command\" in\n");
    for (size_t i = 0; i < qf_cli_command_count; i++) {
        p.command = &qf_cli_commands[i];
        qf_cli_collect(p.command, bash_words, &p);
    }
    printf("    esac\n"
           "    case \"$cur\" in\n"
           "        -*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")) ;;\n"
           "        *)\n"
           "            if [ \"$COMP_CWORD\" -eq 2 ] && [ -n \"$words\" ]; then\n"
           "                COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "            else\n"
           "                COMPREPLY=($(compgen -f -- \"$cur\"))\n"
           "            fi ;;\n"
           "    esac\n"
           "}\n"
           "complete -o filenames -F _qifeng qifeng\n");
}

/* ---- zsh ---- */

static void put_zsh(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'') {
            printf("'\\''");
            continue;
        }
        if (strchr("[]:\\", *c) != NULL)
            putchar('\\');
        putchar(*c);
    }
}

static void zsh_command(void *arg, const struct qf_cli_help *help,
                        const struct qf_cli_option *options, size_t count)
{
    const struct printing *p = arg;
    char words[256];
    first_words(words, sizeof words, p->command->name, help->usage);
    printf("        %s)\n            _arguments \\\n", p->command->name);
    for (size_t i = 0; i < count; i++) {
        const char *value = options[i].value;
        printf("                '%s%s[", options[i].name, value != NULL ? "=" : "");
        put_zsh(options[i].help);
        putchar(']');
        if (value != NULL) {
            putchar(':');
            put_zsh(value);
            putchar(':');
            if (is_file(value)) {
                printf("_files");
            } else if (is_choice(value)) {
                putchar('(');
                put_choices(value);
                putchar(')');
            }
        }
        printf("' \\\n");
    }
    if (words[0] != '\0')
        printf("                '1:what:(%s)' \\\n", words);
    printf("                '--help[explain this command]' '*:file:_files' ;;\n");
}

static void print_zsh(void)
{
    struct printing p;
    printf("#compdef qifeng\n"
           "# zsh completion for qifeng; written by `qifeng completion zsh`\n"
           "_qifeng() {\n"
           "    local -a commands\n"
           "    commands=(\n");
    for (size_t i = 0; i < qf_cli_command_count; i++) {
        printf("        '%s:", qf_cli_commands[i].name);
        put_zsh(qf_cli_commands[i].summary);
        printf("'\n");
    }
    printf("    )\n"
           "    if (( CURRENT == 2 )); then\n"
           "        _describe command commands\n"
           "        return\n"
           "    fi\n"
           "    local command=$words[2]\n"
           "    shift words\n"
           "    (( CURRENT-- ))\n"
           "    case $command in\n");
    for (size_t i = 0; i < qf_cli_command_count; i++) {
        p.command = &qf_cli_commands[i];
        qf_cli_collect(p.command, zsh_command, &p);
    }
    printf("    esac\n"
           "}\n"
           "_qifeng \"$@\"\n");
}

/* ---- manual pages ---- */

/* Text as roff takes it literally. */
static void put_roff(const char *text)
{
    bool line_start = true;
    for (const char *c = text; *c != '\0'; c++) {
        if (line_start && (*c == '.' || *c == '\''))
            printf("\\&");
        if (*c == '\\')
            printf("\\e");
        else if (*c == '-')
            printf("\\-");
        else
            putchar(*c);
        line_start = *c == '\n';
    }
}

static void put_heading(const char *name)
{
    printf(".SH %s\n", name);
}

static void put_exit_status(void)
{
    put_heading("EXIT STATUS");
    printf(".TP\n0\ndone, or valid\n.TP\n1\nrefused, or not valid\n.TP\n2\nwrong usage\n"
           ".TP\n3\nthe environment failed: disk, network, a missing file\n"
           ".TP\n4\ncannot tell; what is missing is named\n");
}

static void man_page(void *arg, const struct qf_cli_help *help, const struct qf_cli_option *options,
                     size_t count)
{
    const struct printing *p = arg;
    printf(".TH QIFENG\\-%s 1 \"\" \"qifeng " QF_VERSION "\" \"Qifeng\"\n", p->command->name);
    put_heading("NAME");
    printf("qifeng\\-%s \\- ", p->command->name);
    put_roff(p->command->summary);
    printf("\n");
    put_heading("SYNOPSIS");
    put_roff(help->usage);
    printf("\n");
    put_heading("DESCRIPTION");
    put_roff(help->about);
    printf("\n");
    if (count > 0)
        put_heading("OPTIONS");
    for (size_t i = 0; i < count; i++) {
        printf(".TP\n.B ");
        put_roff(options[i].name);
        if (options[i].value != NULL) {
            printf(" \\fI");
            put_roff(options[i].value);
            printf("\\fR");
        }
        printf("\n");
        put_roff(options[i].help);
        printf("\n");
    }
    put_exit_status();
    if (help->examples != NULL) {
        put_heading("EXAMPLES");
        printf(".nf\n");
        put_roff(help->examples);
        printf(".fi\n");
    }
    put_heading("SEE ALSO");
    printf(".BR qifeng (1)\n");
}

static void print_main_page(void)
{
    printf(".TH QIFENG 1 \"\" \"qifeng " QF_VERSION "\" \"Qifeng\"\n");
    put_heading("NAME");
    printf("qifeng \\- a consortium ledger for public services\n");
    put_heading("SYNOPSIS");
    printf(".B qifeng\n.I COMMAND\n[arguments]\n");
    put_heading("DESCRIPTION");
    printf("Departments of a government run a ledger together, to share data, handle cases across\n"
           "departments, and issue, keep and verify certificates and evidence. Everybody else can\n"
           "check what they did without trusting any one of them.\n");
    put_heading("COMMANDS");
    for (size_t i = 0; i < qf_cli_command_count; i++) {
        printf(".TP\n.BR qifeng\\-%s (1)\n", qf_cli_commands[i].name);
        put_roff(qf_cli_commands[i].summary);
        printf("\n");
    }
    put_heading("ENVIRONMENT");
    printf(".TP\n.B QIFENG_PASSPHRASE_FILE\nfile with the passphrase of key files, as "
           "\\-\\-passphrase\\-file\n"
           ".TP\n.B QIFENG_PROGRESS\nwhen set, progress is shown also where standard error is no "
           "terminal\n"
           ".TP\n.B QIFENG_READ_KEY\nkey that signs what is read from a node for members, as "
           "\\-\\-key\n"
           ".TP\n.B QIFENG_CACERT, QIFENG_CERT, QIFENG_CERT_KEY\nPEM files for TLS: whom to trust, "
           "and the certificate that is shown with its key\n"
           ".TP\n.B http_proxy, https_proxy, all_proxy, no_proxy\nproxies to nodes of other "
           "computers\n"
           ".TP\n.B TMPDIR\nwhere audit keeps the state that it computes (default /tmp)\n");
    put_exit_status();
    put_heading("SEE ALSO");
    printf("/usr/share/doc/qifeng or /usr/local/share/doc/qifeng: docs/OPERATIONS.md on running a "
           "node,\nspec/ on every format\n");
}

static enum qf_exit print_man(const char *name)
{
    if (name == NULL) {
        print_main_page();
        return QF_EXIT_OK;
    }
    for (size_t i = 0; i < qf_cli_command_count; i++) {
        if (strcmp(name, qf_cli_commands[i].name) == 0) {
            struct printing p = {&qf_cli_commands[i]};
            qf_cli_collect(p.command, man_page, &p);
            return QF_EXIT_OK;
        }
    }
    return qf_cli_usage("there is no command %s", name);
}

int qf_cmd_completion(int argc, char **argv)
{
    static const struct qf_cli_help help = {
        "qifeng completion bash|zsh|man [COMMAND]",
        "Prints completion for a shell, or the manual page of a command (without one: of qifeng).",
        "  qifeng completion bash > /etc/bash_completion.d/qifeng\n"
        "  qifeng completion man audit | man -l -\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, NULL, 0, argc, argv, &count, &code))
        return (int)code;
    if (count == 1 && strcmp(argv[0], "bash") == 0)
        print_bash();
    else if (count == 1 && strcmp(argv[0], "zsh") == 0)
        print_zsh();
    else if ((count == 1 || count == 2) && strcmp(argv[0], "man") == 0)
        return (int)print_man(count == 2 ? argv[1] : NULL);
    else
        return (int)qf_cli_usage("usage: %s", help.usage);
    return QF_EXIT_OK;
}
