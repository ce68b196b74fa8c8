/* Evidence: hashes of things that are kept elsewhere, recorded so that it can be shown later what
 * there was, when, and who said so. The content of a record stands once, in the log; the state
 * holds under evidence/record/<id> where it stands and what has become of it. */
#ifndef QF_KERNEL_EVIDENCE_EVIDENCE_H
#define QF_KERNEL_EVIDENCE_EVIDENCE_H

#include "kernel/ops.h"

extern const struct qf_module qf_module_evidence;

#endif
