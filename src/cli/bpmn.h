/* qifeng bpmn check|roundtrip FILE. argv[0] is "bpmn". Returns the exit status of spec/cli.md. */
#ifndef QF_CLI_BPMN_H
#define QF_CLI_BPMN_H

int qf_cmd_bpmn(int argc, char **argv);

#endif
