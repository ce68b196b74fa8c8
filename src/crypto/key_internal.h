/* The private key object, shared by key*.c and pkcs11.c only. */
#ifndef QF_CRYPTO_KEY_INTERNAL_H
#define QF_CRYPTO_KEY_INTERNAL_H

#include <pthread.h>

#include "crypto/evp.h"

struct qf_private_key {
    EVP_PKEY *pkey;
    struct qf_public_key public_key;
    bool token;           /* lives in a PKCS#11 token */
    pthread_mutex_t lock; /* one signature at a time in a token: its session is shared */
};

/* Takes over `pkey`, also when it fails. */
QF_MUST_CHECK enum qf_status qf_key_wrap(struct qf_private_key **out, EVP_PKEY *pkey, bool token,
                                         struct qf_error *err);

#endif
