/* qifeng bpmn check|roundtrip FILE. The arguments are those after "bpmn". Returns the exit status
 * of spec/cli.md. */
#ifndef QF_CLI_BPMN_H
#define QF_CLI_BPMN_H

int qf_cmd_bpmn(int argc, char **argv);

#endif
