/* Signatures checked over s2n-bignum: with tables of known keys, and without.
 *
 * What is computed. For ES256 (SEC 1 4.1.4), with e the digest as a number:
 *     0 < r, s < n;  w = 1/s mod n;  u1 = e·w mod n, u2 = r·w mod n;  R = u1·G + u2·Q;
 *     good when R is not infinity and x(R) mod n = r.
 * For SM2 (GB/T 32918.2 7.1):
 *     0 < r, s < n;  t = r + s mod n, not 0;  R = s·G + t·Q;
 *     good when R is not infinity and (e + x(R)) mod n = r.
 * Both are then u1, u2 and c with the question whether x(R) mod n = c, where c = r, or
 * c = r − e mod n.
 *
 * Why the answer is right, given that s2n-bignum's functions do what their proofs say.
 *
 *  1. Q is on the curve with coordinates below p (qf_curve_decode), else nothing is good. So it has
 *     the prime order n, like G. OpenSSL refuses the same keys.
 *  2. u·P from a table is right for all u < n and all P of order n: point_table.h shows that no sum
 *     of equal or opposite points, which the mixed addition would get wrong or give back as
 *     infinity, can come up. Nobody who chooses Q, r, s and the message can change that, because it
 *     follows from the sizes of the digits alone.
 *  3. u·P without a table is p256_montjscalarmul or sm2_montjscalarmul, proved for all u and all P
 *     on the curve.
 *  4. u1·G and u2·Q are summed up apart and only then joined. The owner of a key knows q with
 *     Q = q·G and can choose e, r, s so that u1·G = ±u2·Q, or that either is infinity (u1 = 0). So
 *     this one addition is complete (qf_curve_add_complete): a test of each z, then an addition
 *     whose z is 0 just when the x are equal, then a comparison of y that tells doubling from
 *     infinity.
 *  5. x(R) = X/Z². Since n < p < 2n on both curves, x(R) mod n = c just when x(R) = c, or
 *     x(R) = c + n and c + n < p. Each is asked as c·Z² = X modulo p; Z is not 0 by then, so
 *     multiplying by Z² loses nothing. c = 0 is possible for SM2 and needs no case of its own.
 *  6. A batch inverts the product of all s at once (Montgomery's trick). Only those in 1 … n − 1
 *     enter, so the product is not 0 modulo the prime n and each inverse is right, whatever the
 *     other signatures are; a bad signature has no way to another's answer.
 *  7. High s is good, as with OpenSSL: no rule of ES256 or SM2 refuses it. (A transaction's id does
 *     not cover the signature, so nothing hangs on it.)
 *
 * Ed25519 (RFC 8032 5.1.7, without the cofactor): s < L, k = SHA-512(R ‖ A ‖ M) mod L, and the
 * encoding of s·B − k·A must be R byte for byte, which is also what OpenSSL does: with the tables
 * of B and −A, or by edwards25519_scalarmuldouble. Addition is complete there (edwards.h). A that
 * edwards25519_decode refuses (not on the curve, y ≥ p, or x = 0 with its sign set) is left to
 * OpenSSL, which takes the last two kinds.
 *
 * Who judges. Where this file and OpenSSL differ, OpenSSL is right: verify_agree.h looks for a
 * difference at random and by construction. */
#ifndef QF_CRYPTO_VERIFY_VERIFY_FAST_H
#define QF_CRYPTO_VERIFY_VERIFY_FAST_H

#include "crypto/verify/internal.h"
#include "crypto/verify/table_cache.h"

/* Fills `out`; `cache_size_max` as in qf_verifier_options, with what the implementation needs
 * besides the tables taken off. */
QF_MUST_CHECK enum qf_status qf_verify_fast_new(struct qf_verify_impl *out, size_t cache_size_max,
                                                enum qf_arith arith, struct qf_error *err);

/* What the implementation needs besides keys' tables, at most. */
size_t qf_verify_fast_beside(void);

/* The implementation's tables, for tests and benchmarks. */
struct qf_table_cache *qf_verify_fast_tables(const struct qf_verify_impl *impl);

#endif
