/* Every limit of the node, in one place. A refusal names the limit by the words in QF_LIMIT_LIST
 * and its value; docs/OPERATIONS.md lists them from here. Changing one that bears on what the
 * kernel accepts (first group) changes the network's rules: all nodes must agree. */
#ifndef QF_BASE_LIMITS_H
#define QF_BASE_LIMITS_H

/* What every node must agree on. */
#define QF_TX_SIZE_MAX 60000                  /* bytes of the compact JWS */
#define QF_TX_OPS_MAX 256                     /* ops in a transaction */
#define QF_TX_EXPIRY_MAX_S 3600               /* seconds exp may lie past block time */
#define QF_JSON_DEPTH_MAX 32                  /* nesting of arrays and objects */
#define QF_JSON_INT_MAX 9007199254740991LL    /* 2^53 - 1 */
#define QF_ID_SIZE_MAX 128                    /* bytes of an id */
#define QF_TEXT_SIZE_MAX 4096                 /* bytes of a text field */
#define QF_ATTRIBUTES_MAX 32                  /* attributes of an evidence record */
#define QF_ATTRIBUTE_NAME_SIZE_MAX 64         /* bytes of an attribute's name */
#define QF_ROLES_MAX 32                       /* roles of an actor */
#define QF_FIRST_ACTORS_MAX 16                /* that a member brings besides its admin */
#define QF_BATCH_COUNT_MAX 1000000000LL       /* hashes under one evidence.record_batch root */
#define QF_BLOCK_TXS_MAX 10000                /* transactions in a block */
#define QF_BLOCK_SIZE_MAX (1 << 20)           /* bytes of transactions in a block */
#define QF_ENTRY_SIZE_MAX 65535               /* bytes of a log entry (C2SP tlog-tiles) */
#define QF_STATE_KEY_SIZE_MAX 200             /* bytes of a state key */
#define QF_STATE_VALUE_SIZE_MAX 1048576       /* bytes of a state value */
#define QF_FEEL_STEPS_MAX 100000              /* steps of one evaluation */
#define QF_FEEL_DEPTH_MAX 64                  /* nesting of one evaluation */
#define QF_FEEL_MEMORY_MAX (16 << 20)         /* bytes of memory of one evaluation */
#define QF_FEEL_SOURCE_SIZE_MAX 65536         /* bytes of one expression */
#define QF_FEEL_NESTING_MAX 96                /* nesting within one expression */
#define QF_FEEL_REGEX_STEPS_MAX 200000        /* steps of one regular expression */
#define QF_DMN_SIZE_MAX (4 << 20)             /* bytes of a DMN model */
#define QF_DMN_ELEMENTS_MAX 100000            /* XML elements of a DMN model */
#define QF_DMN_RULES_MAX 10000                /* rules of a decision table */
#define QF_FEEL_BLOCK_STEPS_MAX 2000000       /* steps of all evaluations of a block */
#define QF_SERVICE_PACKAGE_SIZE_MAX (1 << 20) /* bytes of a service package */
#define QF_SERVICE_PART_SIZE_MAX 30000        /* bytes of a part; the last one may be shorter */
#define QF_SERVICE_PARTS_MAX 35               /* parts of a package */
#define QF_SERVICE_TIMERS_BLOCK_MAX 256       /* cases in which something falls due, of one block */
#define QF_SERVICE_STATES_MAX 20000           /* markings searched at deployment */
#define QF_SERVICE_FIELDS_MAX 256             /* declared fields of a service */
#define QF_SERVICE_VERSIONS_MAX 256           /* versions of a service */
#define QF_SERVICE_DATA_MAX 64                /* fields in one answer */
#define QF_SERVICE_RETRY_MS_MIN 86400000LL    /* until what fell due is tried again */
#define QF_SERVICE_RETRY_MS_MAX 2592000000LL  /* likewise, when it rests for long */
#define QF_SERVICE_MIGRATED_BLOCK_MAX 64      /* cases looked at in a block for a migration */
#define QF_SERVICE_MESSAGES_MAX 16            /* between cases, that one step brings about */
#define QF_SERVICE_UNDELIVERED_MAX 32         /* of them, those kept that nobody took */
#define QF_SERVICE_ENDS_MAX 16                /* end events of one case that are kept */
#define QF_SERVICE_DECISIONS_MAX 1000         /* decisions of one case */
#define QF_SERVICE_FLOWS_MAX 16               /* choices in one answer */
#define QF_SERVICE_STEPS_MAX 4096             /* steps of a case; half of them may move nothing */
#define QF_SERVICE_STEP_BYTES 32              /* of a case that cost a step to read and write */
#define QF_SERVICE_CASE_SIZE_MAX 655360       /* bytes of a case's record, ends aside */
#define QF_SERVICE_DEPLOY_STEPS 250000        /* of a block's, that checking a package costs */
#define QF_SERVICE_OPS_MAX 64                 /* that one step of a case performs */
#define QF_SERVICE_OP_STEPS 100       /* that performing an op costs, of a case's and a block's */
#define QF_SERVICE_EFFECT_STEPS 256   /* that telling subscribers of something costs */
#define QF_SERVICE_LIST_STEPS 16      /* that a change of a work list costs */
#define QF_SERVICE_KEPT_SIZE_MAX 512  /* bytes of data that a case keeps when it is over */
#define QF_SERVICE_NAME_SIZE_MAX 256  /* bytes of a name or id shown in a work list */
#define QF_SERVICE_DEVIATIONS_MAX 256 /* unplanned activities of a case */
#define QF_SERVICE_ACTIVITY_SIZE_MAX 256 /* bytes of the name of an unplanned activity */
#define QF_SERVICE_INPUTS_SIZE_MAX 2048  /* bytes of a decision's inputs kept in its record */
#define QF_FORM_DEPTH_MAX 8              /* nesting of a form's schema */
#define QF_FORM_PROPERTIES_MAX 64        /* properties of one object of a form */
#define QF_FORM_ITEMS_MAX 1000           /* items of one list of a form */
#define QF_FORM_CHOICES_MAX 256          /* values of one enum of a form */
#define QF_FORM_MATCHES_MAX 256          /* patterns matched against one form's data */
#define QF_FORM_MATCH_STEPS_MAX 10000    /* steps of each of them */
#define QF_BPMN_ELEMENTS_MAX 2000        /* elements of a process model */
#define QF_BPMN_SIZE_MAX (4 << 20)       /* bytes of a process model */
#define QF_BPMN_XML_ELEMENTS_MAX 50000   /* XML elements of it, diagram included */
#define QF_BPMN_XML_DEPTH_MAX 64         /* their nesting */
#define QF_BPMN_STATES_MAX 100000        /* markings searched when a process is checked */
#define QF_BPMN_STEPS_MAX 10000          /* steps of a case without waiting */
#define QF_BPMN_INSTANCES_MAX 1000       /* instances of a multi-instance activity, turns */
#define QF_BPMN_WAITING_MAX 4096         /* things that one case waits for at once */
#define QF_BPMN_CASE_SIZE_MAX 262144     /* bytes of a case's state */
#define QF_REPLAY_BEAM 64                /* markings of a replay kept after each event */
#define QF_REPLAY_CLOSURE 2000           /* markings looked at between two events */
#define QF_REPLAY_EVENTS_MAX 10000       /* events of a replayed trace */
#define QF_REPLAY_SIZE_MAX (256 << 20)   /* bytes that one replay may take */
#define QF_BPMN_VOTERS_MAX 64            /* votes on one task */
#define QF_XML_TOKEN_SIZE_MAX (1 << 20)  /* bytes of one tag or run of text */
#define QF_XML_ATTRIBUTES_MAX 256        /* attributes of an XML element */
#define QF_XES_DEPTH_MAX 32              /* nesting of XES attributes */
#define QF_XES_TRACE_SIZE_MAX (64 << 20) /* bytes in memory of one trace of a log */
#define QF_XES_TRACE_EVENTS_MAX 100000   /* events of one trace */

/* What a node sets for itself. */
#define QF_HTTP_CONNECTIONS_MAX 4096
#define QF_HTTP_BODY_SIZE_MAX (4 << 20)
#define QF_HTTP_BODIES_SIZE_MAX (256 << 20) /* of all bodies under way, beyond their beginnings */
#define QF_HTTP_BODY_BEGINNING_SIZE (64 << 10) /* a transaction always finds room */
#define QF_HTTP_CLIENT_TIME_S_MAX 5            /* that a look at a client's certificate counts */
#define QF_HTTP_BODY_TIME_S_MAX 120            /* from a request's first line to its body's end */
#define QF_HTTP_LINES_MAX 10000                /* transactions in one request */
#define QF_QUEUE_TXS_MAX 65536                 /* transactions that wait for a block */
#define QF_QUEUE_SIZE_MAX (64 << 20)           /* bytes of transactions that wait for a block */
#define QF_PAGE_ITEMS_MAX 1000                 /* items of one page of a list */
#define QF_PAGE_ITEMS_DEFAULT 100
#define QF_NOTE_SIZE_MAX (1 << 20) /* bytes of a signed note */
#define QF_NOTE_SIGNATURES_MAX 100
#define QF_PROOF_HASHES_MAX 63 /* hashes of a log proof */
#define QF_CERT_SIZE_MAX 65536 /* bytes of an X.509 certificate */
#define QF_CERT_CHAIN_MAX 8
#define QF_TIMESTAMP_REQUEST_SIZE_MAX 4096 /* bytes of an RFC 3161 request */
#define QF_TIMESTAMP_TOKEN_SIZE_MAX 131072 /* bytes of a time-stamp token */
#define QF_WITNESSES_MAX 16                /* that a node sends its checkpoints to */
#define QF_WITNESS_LOGS_MAX 64             /* logs that a node witnesses */
#define QF_YAML_SIZE_MAX (1 << 20)         /* bytes of a YAML file */
#define QF_YAML_NODES_MAX 50000            /* values in it */
#define QF_YAML_KEY_SIZE_MAX 256           /* bytes of a key in it */
#define QF_FOLDER_FILE_SIZE_MAX (1 << 20)  /* bytes of a file of a service folder */
#define QF_FOLDER_FILES_MAX 80             /* files of it */
#define QF_FOLDER_NAMES_MAX 256            /* names that are looked at in one folder */
#define QF_FOLDER_PROBLEMS_MAX 1000        /* problems that are listed */
#define QF_READ_SIGNATURE_AGE_MAX_S 120    /* of a signed request: since it was created */
#define QF_READ_SIGNATURE_AHEAD_MAX_S 30   /* and how far the client's clock may be ahead */
#define QF_READ_SIGNATURES_MAX (1 << 18)   /* remembered for that long, so that each counts once */
#define QF_SSE_CLIENTS_MAX 256
#define QF_WEBHOOKS_MAX 64
#define QF_WEBHOOK_EVENTS_MAX 1000000         /* events of one entry */
#define QF_WEBHOOK_SECRETS_MAX 4              /* secrets that sign at the same time */
#define QF_WEBHOOK_FILTERS_MAX 64             /* event types, or members, of one webhook */
#define QF_WEBHOOK_EVENT_SIZE_MAX (1 << 20)   /* bytes of an event's body */
#define QF_WEBHOOK_ANSWER_SIZE_MAX (64 << 10) /* bytes of an answer that are read */
#define QF_WEBHOOK_TIMEOUT_S_DEFAULT 20       /* seconds for one attempt */
#define QF_WEBHOOK_TIMEOUT_S_MAX 60
#define QF_WEBHOOK_RETRY_MS_MIN 1000
#define QF_WEBHOOK_RETRY_MS_MAX 300000
#define QF_WEBHOOK_RETRY_AFTER_MS_MAX 3600000   /* of what a receiver may ask for */
#define QF_WEBHOOK_GIVE_UP_MS 259200000LL       /* three days without success disable it */
#define QF_WEBHOOK_POLL_MS 250                  /* how often it looks for an operator's request */
#define QF_WEBHOOK_SAVE_MS 500                  /* how far the stored position may be behind */
#define QF_WEBHOOK_GRACE_MS 1000                /* for an attempt under way when the node stops */
#define QF_KEY_KIB_MAX 1048576                  /* of a key a second, as a setting */
#define QF_VERIFY_KEYS_MAX 8192                 /* keys that the verifier remembers */
#define QF_VERIFY_CACHE_SIZE_DEFAULT (64 << 20) /* bytes for them and their tables */
#define QF_VERIFY_CACHE_MIB_MIN 8               /* as a setting */
#define QF_VERIFY_CACHE_MIB_MAX 4096

/* Time-stamps of the log. */
#define QF_STAMPS_MAX 1000000       /* stamped checkpoints of a log */
#define QF_STAMP_LINKS_MAX 64       /* tokens of a chain: a stamp and its renewals */
#define QF_STAMP_SKEW_MS_MAX 300000 /* between an authority's clock and the node's */
#define QF_INTRODUCTIONS_MAX 8      /* of nodes that genesis does not name, in a bundle */
#define QF_STAMP_RETRY_MS_MIN 1000
#define QF_STAMP_RETRY_MS_MAX 600000

#endif
